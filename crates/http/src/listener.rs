//! Binds ports.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::ServeError;

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| ServeError::Bind { address, cause })
}
