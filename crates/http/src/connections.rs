//! The accept loop and what a connection is held to: how many there are, how long a head, a body and an idle peer may
//! take, and how long a peer may leave unread what it asked for. A shutdown lets what is under way finish.
//!
//! What a request means is not decided here: see [`crate::edge`].

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

/// What connections are held to.
#[derive(Clone)]
pub(crate) struct Limits {
    /// What the port is called in metrics.
    pub(crate) port: &'static str,
    /// Connections at once.
    pub(crate) connections: usize,
    /// What a connection beyond them does.
    pub(crate) beyond: Beyond,
    pub(crate) header_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) drain: Duration,
}

/// What happens to a connection when there are as many as there may be.
#[derive(Clone, Copy)]
pub(crate) enum Beyond {
    /// It waits to be accepted, and one address has at most so many.
    Waits { per_address: usize },
    /// It takes the place of the oldest: for a port where each connection asks one short question.
    ReplacesOldest,
}

/// What each connection is served with.
struct Serving {
    app: App,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

/// Accepts until `stop` is true, then waits for requests under way, at most as long as the limits say.
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
            tracing::debug!(address = %peer.ip(), "an address has too many connections");
            continue;
        };

        let (serving, tls, under_way) = (serving.clone(), tls.clone(), under_way.clone());
        let open = Open::new(serving.limits.port);
        let task = tokio::spawn(async move {
            serving.converse(stream, peer, tls).await;
            drop((place, open, under_way));
        });

        kept.add(task.abort_handle());
    }

    drop(listener);

    drop(under_way);

    if tokio::time::timeout(drain, drained.recv()).await.is_err() {
        tracing::warn!("requests were still under way when the drain ended");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> Option<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    let free = places.free().await;

    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and whole: waiting for more to send only delays them.
            drop(stream.set_nodelay(true));
            Some((stream, peer, free))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            // Out of descriptors, most likely: try again once some are closed.
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

/// The connections of a port where the oldest gives way, in the order in which they came.
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
    async fn converse(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) {
        let socket = Socket::new(stream, self.limits.write_timeout);
        match tls {
            None => http1::converse(&self, socket, Peer(peer)).await,
            Some(tls) => {
                // A handshake that does not come is cut off like a head that does not.
                let handshake =
                    tokio::time::timeout(self.limits.header_timeout, tls.accept(socket));
                if let Ok(Ok(stream)) = handshake.await {
                    self.converse_encrypted(stream, Peer(peer)).await;
                }
            }
        }
    }

    async fn converse_encrypted(
        self: Arc<Self>,
        stream: tokio_rustls::server::TlsStream<Socket>,
        peer: Peer,
    ) {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            http2::converse(&self, stream, peer).await;
        } else {
            http1::converse(&self, stream, peer).await;
        }
    }

    /// Answers a request, unless its frame is wrong: then nothing behind the connection sees it.
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
    // A sender that is gone means the same as one that has spoken.
    drop(stop.wait_for(|stop| *stop).await);
}

/// What a connection is spoken over: TCP, or TLS over it.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// What counts as one address: an IPv4 address, however it is written, or the /64 that an IPv6 host has to itself.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}
