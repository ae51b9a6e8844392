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

/// Stands between a service and Postgres and counts round trips: how often a connection turned from the server's word
/// to the client's. It passes the bytes on as they are, so TLS stays end to end.
///
/// Postgres never speaks unasked on these connections and the client never speaks before the answer has come, so the
/// count is exact. Only connections that the pool opened before the service began to serve are counted. That leaves out
/// the one that listens for revocations and polls twice a second, and any that replaces a broken one.
///
/// The first time that a connection runs a statement it prepares it, which is a round trip more. A test that counts
/// sets `database.pool_size` to 1, sends the request once, and counts from the second on.
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

/// Whose word it is on one connection, and how often it became the client's.
#[derive(Default)]
struct Turns {
    client_speaks: AtomicBool,
    count: AtomicUsize,
}

impl RoundTrips {
    /// Listens on a free port for connections to the Postgres at `port`.
    pub(crate) async fn start(postgres: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
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

    /// Connections from now on are not the pool's.
    pub(crate) fn pool_is_open(&self) {
        self.connections
            .closed_to_new
            .store(true, Ordering::Release);
    }

    /// Round trips so far, those of opening the connections included: take the difference of two counts.
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
        tokio::spawn(pass_on(client, postgres, turns));
    }
}

/// Passes bytes on in both directions until either side is done.
async fn pass_on(client: TcpStream, postgres: u16, turns: Arc<Turns>) {
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
    let asking = copy(from_client, to_server, || turns.client_spoke());
    let answering = copy(from_server, to_client, || {
        turns.client_speaks.store(false, Ordering::Release)
    });

    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}

/// `heard` is told of bytes before they are passed on, so that no answer to them can come first.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, heard: impl Fn()) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        heard();
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

impl Turns {
    fn client_spoke(&self) {
        if !self.client_speaks.swap(true, Ordering::AcqRel) {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each byte that it is sent with two.
    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();

        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = peer.read_u8().await {
                        peer.write_all(&[byte, byte]).await.expect("written");
                    }
                });
            }
        });

        port
    }

    async fn ask(connection: &mut TcpStream) {
        connection.write_u8(7).await.expect("written");
        connection.read_exact(&mut [0; 2]).await.expect("answered");
    }

    #[tokio::test]
    async fn each_question_and_its_answer_is_one() {
        let proxy = RoundTrips::start(echo().await).await;
        let mut connection = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("connected");
        for expected in 1..=5 {
            ask(&mut connection).await;
            assert_eq!(proxy.count(), expected);
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_opened_later_is_not_counted() {
        let proxy = RoundTrips::start(echo().await).await;
        let mut pools = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("connected");
        ask(&mut pools).await;
        proxy.pool_is_open();

        let mut listeners = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("connected");
        ask(&mut listeners).await;
        ask(&mut pools).await;

        assert_eq!(proxy.count(), 2);
    }
}
