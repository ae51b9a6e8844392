//! The accept loop and the limits of connections: their number, and timeouts for heads, bodies, idle peers and peers
//! that do not read their responses. A shutdown waits for requests in flight.
//!
//! Requests themselves are handled in [`crate::edge`].

mod answers;
mod http1;
mod http2;
mod parser;
mod places;
mod socket;

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, mpsc, watch},
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use self::{places::Places, socket::Socket};
use crate::{
    App,
    edge::{self, Peer},
    framing,
    request::Reply,
};

/// The limits of a port's connections.
#[derive(Clone)]
pub(crate) struct Limits {
    /// The name of the port in metrics.
    pub(crate) port: &'static str,
    /// Number of concurrent connections.
    pub(crate) connections: usize,
    /// What happens to further connections.
    pub(crate) beyond: Beyond,
    pub(crate) header_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) drain: Duration,
}

/// What happens to a new connection when the limit is reached.
#[derive(Clone, Copy)]
pub(crate) enum Beyond {
    /// It waits to be accepted. One address may have `per_address` connections.
    Waits { per_address: usize },
    /// It replaces the oldest: for a port where each connection makes one short request.
    ReplacesOldest,
}

/// The state that all connections share.
struct Serving {
    app: App,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

/// Accepts connections until `stop` is true, then waits for requests in flight, at most for `limits.drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    (app, router): (App, Router),
    tls: Option<TlsAcceptor>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let (under_way, mut drained) = mpsc::channel::<Infallible>(1);
    let places = Places::new(&limits, &app.settings().trusted_proxies);
    let drain = limits.drain;

    let serving = Arc::new(Serving {
        app,
        router,
        limits,
        stop: stop.clone(),
    });

    let mut kept = Kept::new(&serving.limits);

    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stopped(&mut stop) => break,
        };
        let Some((stream, peer, free)) = accepted else {
            continue;
        };
        let Some(place) = places.take(free, peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "connection refused: too many from this address");
            continue;
        };

        let (serving, tls, under_way) = (serving.clone(), tls.clone(), under_way.clone());
        let open = Open::new(serving.limits.port);
        let task = tokio::spawn(async move {
            serving.serve(stream, peer, tls).await;
            drop((place, open, under_way));
        });

        kept.add(task.abort_handle());
    }

    drop(listener);
    drop(under_way);

    if tokio::time::timeout(drain, drained.recv()).await.is_err() {
        tracing::warn!("drain timeout reached with requests still in flight");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> Option<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    let free = places.free().await;

    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are small and written at once, so Nagle's algorithm would only delay them.
            drop(stream.set_nodelay(true));
            Some((stream, peer, free))
        }
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            // Most likely out of file descriptors: try again when some are closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Counts a connection as open until it is dropped.
struct Open(metrics::Gauge);

impl Open {
    fn new(port: &'static str) -> Self {
        let gauge = metrics::gauge!("http_server_connections", "port" => port);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The connections of a port where a new one replaces the oldest, in order of arrival.
struct Kept {
    most: Option<usize>,
    tasks: VecDeque<AbortHandle>,
}

impl Kept {
    fn new(limits: &Limits) -> Self {
        let most = matches!(limits.beyond, Beyond::ReplacesOldest).then_some(limits.connections);
        Self {
            most,
            tasks: VecDeque::new(),
        }
    }

    fn add(&mut self, task: AbortHandle) {
        let Some(most) = self.most else { return };

        if self.tasks.len() >= most {
            self.tasks.retain(|task| !task.is_finished());
        }
        if self.tasks.len() >= most
            && let Some(oldest) = self.tasks.pop_front()
        {
            oldest.abort();
        }

        self.tasks.push_back(task);
    }
}

impl Serving {
    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
        let socket = Socket::new(stream, self.limits.write_timeout);
        match tls {
            None => http1::serve(&self, socket, Peer(peer)).await,
            Some(tls) => {
                // The handshake has the same timeout as the head of a request.
                let handshake =
                    tokio::time::timeout(self.limits.header_timeout, tls.accept(socket));
                if let Ok(Ok(stream)) = handshake.await {
                    self.serve_tls(stream, Peer(peer)).await;
                }
            }
        }
    }

    async fn serve_tls(
        self: Arc<Self>,
        stream: tokio_rustls::server::TlsStream<Socket>,
        peer: Peer,
    ) {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            http2::serve(&self, stream, peer).await;
        } else {
            http1::serve(&self, stream, peer).await;
        }
    }

    /// Answers a request. One with invalid framing is refused before it reaches the router.
    async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Reply {
        let (mut parts, body) = request.into_parts();
        if let Some(problem) = framing::refusal(&parts) {
            return edge::refused(&self.app, Some(&parts), problem);
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
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A dropped sender also means stop.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The transport of a connection: TCP or TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The unit in which connections are counted: an IPv4 address (mapped or not), or the /64 network of an IPv6 host.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}
