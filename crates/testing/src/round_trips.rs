//! Counts round trips to Postgres.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy between the service and Postgres that counts round trips: how often a connection turns
/// from server to client. It forwards the bytes unchanged, so TLS stays end to end. On these
/// connections Postgres sends nothing unasked and the client waits for each answer, so the count is
/// exact. Only connections that the pool opened before the service began to serve are counted. That
/// leaves out the listener for revocations, which polls twice a second, and any connection that
/// replaces a broken one. Running a statement for the first time on a connection prepares it, which
/// costs one more round trip. A test that counts sets `database.pool_size` to 1, sends the request
/// once, and counts from the second request on.
pub struct RoundTrips {
    port: u16,
    connections: Arc<Connections>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Connections {
    counted: Mutex<Vec<Arc<Turns>>>,
    closed_to_new: AtomicBool,
}

/// Which side of a connection is sending, and how often the turn passed to the client.
#[derive(Default)]
struct Turns {
    client_sends: AtomicBool,
    count: AtomicUsize,
}

impl RoundTrips {
    /// Listens on a free port for connections to the Postgres at `port`.
    pub(crate) async fn start(postgres: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port is free");
        let port = listener
            .local_addr()
            .expect("the listener has an address")
            .port();
        let connections = Arc::new(Connections::default());
        let accepting = tokio::spawn(accept(listener, postgres, connections.clone()));
        Self {
            port,
            connections,
            accepting,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops counting new connections: the pool is full.
    pub(crate) fn pool_is_open(&self) {
        self.connections
            .closed_to_new
            .store(true, Ordering::Release);
    }

    /// Number of round trips so far, including those that opened the connections: compare two
    /// counts.
    pub fn count(&self) -> usize {
        let counted = self
            .connections
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counted
            .iter()
            .map(|turns| turns.count.load(Ordering::Acquire))
            .sum()
    }
}

impl Drop for RoundTrips {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, postgres: u16, connections: Arc<Connections>) {
    while let Ok((client, _)) = listener.accept().await {
        let turns = Arc::new(Turns::default());
        if !connections.closed_to_new.load(Ordering::Acquire) {
            connections
                .counted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(turns.clone());
        }
        tokio::spawn(forward(client, postgres, turns));
    }
}

/// Forwards bytes in both directions until either side closes.
async fn forward(client: TcpStream, postgres: u16, turns: Arc<Turns>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", postgres)).await else {
        return;
    };

    let quick = client
        .set_nodelay(true)
        .and_then(|()| server.set_nodelay(true));
    if quick.is_err() {
        return;
    }

    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asking = copy(from_client, to_server, || turns.client_sent());
    let answering = copy(from_server, to_client, || {
        turns.client_sends.store(false, Ordering::Release)
    });

    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}

/// Calls `received` before it forwards bytes, so that no answer can come first.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    received: impl Fn(),
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        received();
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

impl Turns {
    fn client_sent(&self) {
        if !self.client_sends.swap(true, Ordering::AcqRel) {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each byte with two.
    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port is free");
        let port = listener
            .local_addr()
            .expect("the listener has an address")
            .port();

        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = peer.read_u8().await {
                        peer.write_all(&[byte, byte])
                            .await
                            .expect("the bytes are written");
                    }
                });
            }
        });

        port
    }

    async fn ask(connection: &mut TcpStream) {
        connection.write_u8(7).await.expect("the bytes are written");
        connection
            .read_exact(&mut [0; 2])
            .await
            .expect("the server answers");
    }

    #[tokio::test]
    async fn each_request_and_answer_is_one_round_trip() {
        let proxy = RoundTrips::start(echo().await).await;
        let mut connection = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("the connection opens");
        for expected in 1..=5 {
            ask(&mut connection).await;
            assert_eq!(proxy.count(), expected);
        }
    }

    #[tokio::test]
    async fn a_connection_opened_later_is_not_counted() {
        let proxy = RoundTrips::start(echo().await).await;
        let mut pools = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("the connection opens");
        ask(&mut pools).await;
        proxy.pool_is_open();

        let mut listeners = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("the connection opens");
        ask(&mut listeners).await;
        ask(&mut pools).await;

        assert_eq!(proxy.count(), 2);
    }
}
