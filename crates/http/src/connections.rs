//! The accept loop and the limits of connections: their number, and timeouts for heads, bodies,
//! idle peers and peers that do not read their responses. A shutdown waits for requests in flight.
//!
//! Requests themselves are handled in `edge.rs`.

mod answers;
mod http1;
mod http2;
mod limits;
mod parser;
mod serving;
mod slots;
mod socket;

use std::{collections::VecDeque, convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, mpsc, watch},
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

use self::{
    serving::{Serving, stopped},
    slots::Slots,
    socket::Socket,
};
use crate::{App, frame::Peer};

pub(crate) use limits::{Beyond, Limits};

/// Accepts connections until `stop` is true, then waits for requests in flight, at most for
/// `limits.drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    (app, router): (App, Router),
    tls: Option<TlsAcceptor>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let (under_way, mut drained) = mpsc::channel::<Infallible>(1);
    let slots = Slots::new(&limits, &app.settings().trusted_proxies);
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
            accepted = accept(&listener, &slots) => accepted,
            () = stopped(&mut stop) => break,
        };
        let Some((stream, peer, free)) = accepted else {
            continue;
        };
        let Some(slot) = slots.take(free, peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "connection refused: too many from this address");
            continue;
        };

        let (serving, tls, under_way) = (serving.clone(), tls.clone(), under_way.clone());
        let open = Open::new(serving.limits.port);
        let task = tokio::spawn(async move {
            serve_connection(serving, stream, peer, tls).await;
            drop((slot, open, under_way));
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
    slots: &Slots,
) -> Option<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    let free = slots.free().await;

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

async fn serve_connection(
    serving: Arc<Serving>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let socket = Socket::new(stream, serving.limits.write_timeout);
    match tls {
        None => http1::serve(&serving, socket, Peer(peer)).await,
        Some(tls) => {
            // The handshake has the same timeout as the head of a request.
            let handshake = tokio::time::timeout(serving.limits.header_timeout, tls.accept(socket));
            if let Ok(Ok(stream)) = handshake.await {
                serve_tls(serving, stream, Peer(peer)).await;
            }
        }
    }
}

async fn serve_tls(
    serving: Arc<Serving>,
    stream: tokio_rustls::server::TlsStream<Socket>,
    peer: Peer,
) {
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(&serving, stream, peer).await;
    } else {
        http1::serve(&serving, stream, peer).await;
    }
}
