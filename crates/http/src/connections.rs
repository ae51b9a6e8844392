//! The accept loop: connections at once are counted, heads that do not come are cut off, and a shutdown lets what is
//! under way finish.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::edge::Peer;

/// What a connection is held to.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) drain: Duration,
}

/// Accepts until `stop` is true, then waits for requests under way, at most as long as the limits say.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let (router, tls, limits, watcher) = (router.clone(), tls.clone(), limits.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => speak(stream, false, Peer(peer), router, &limits, watcher).await,
                Some(tls) => {
                    // A handshake that does not come is cut off like a head that does not.
                    if let Ok(Ok(stream)) = tokio::time::timeout(limits.header_timeout, tls.accept(stream)).await {
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        speak(stream, http2, Peer(peer), router, &limits, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the drain ended");
    }
}

type Accepted = (TcpStream, std::net::SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and whole: waiting for more to send only delays them.
            drop(stream.set_nodelay(true));
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            // Out of descriptors, most likely: try again once some are closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn speak<S>(
    stream: S,
    is_http2: bool,
    peer: Peer,
    router: Router,
    limits: &Limits,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let stream = TokioIo::new(stream);
    let spoken = if is_http2 {
        let mut protocol = http2::Builder::new(TokioExecutor::new());
        protocol
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(50)
            .max_header_list_size(16 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(limits.header_timeout);
        watcher.watch(protocol.serve_connection(stream, service)).await
    } else {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_headers(64)
            .max_buf_size(32 * 1024);
        watcher.watch(protocol.serve_connection(stream, service)).await
    };
    if let Err(error) = spoken {
        tracing::debug!(%error, "a connection ended early");
    }
}
