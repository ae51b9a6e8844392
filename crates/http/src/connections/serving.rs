//! The state that connections share, and the handling of one request.

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tower::ServiceExt as _;

use super::limits::Limits;
use crate::{
    App,
    frame::{self, Peer},
    framing,
    reply::Reply,
};

/// The state that all connections share.
pub(super) struct Serving {
    pub(super) app: App,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) stop: watch::Receiver<bool>,
}

impl Serving {
    /// Answers a request. One with invalid framing is refused before it reaches the router.
    pub(super) async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Reply {
        let (mut parts, body) = request.into_parts();
        if let Some(problem) = framing::refusal(&parts) {
            return frame::refused(&self.app, Some(&parts), problem);
        }

        parts.extensions.insert(peer);

        let answer = self
            .router
            .clone()
            .oneshot(Request::from_parts(parts, Body::new(body)))
            .await;

        answer.unwrap_or_else(|never| match never {})
    }
}

/// Waits until the service stops.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A dropped sender also means stop.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The transport of a connection: TCP or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}
