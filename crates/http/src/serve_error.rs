//! The error of a server that cannot start.

use std::{io, net::SocketAddr};

/// The reason why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot serve TLS with {file}: {cause}")]
    Tls {
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
}
