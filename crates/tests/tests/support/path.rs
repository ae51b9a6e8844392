//! A network path between a service and Postgres that a test can make silent: it accepts bytes and
//! new connections, but forwards nothing and reports no error, like a frozen host or a firewall
//! that dropped a connection.

#![allow(
    dead_code,
    clippy::expect_used,
    reason = "a test fails by panicking, and not every target needs all"
)]

use std::net::SocketAddr;

use mainstay::kernel::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub struct Path {
    address: SocketAddr,
    postgres: u16,
    silent: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Path {
    /// Opens a path to the Postgres of `url`.
    pub async fn to(url: &SecretString) -> Self {
        let postgres = port(url.expose_secret());
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let (silent, is_silent) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, postgres, is_silent));

        Self {
            address,
            postgres,
            silent,
            accepting,
        }
    }

    /// The same URL through this path.
    pub fn url(&self, url: &SecretString) -> String {
        url.expose_secret().replace(
            &format!(":{}/", self.postgres),
            &format!(":{}/", self.address.port()),
        )
    }

    /// Stops forwarding.
    pub fn go_silent(&self) {
        self.silent.send_replace(true);
    }

    /// Forwards again, including what arrived meanwhile.
    pub fn recover(&self) {
        self.silent.send_replace(false);
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn port(url: &str) -> u16 {
    let authority = url.split('/').nth(2).expect("a URL has an authority");
    authority
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("the URL names a port")
}

async fn accept(listener: TcpListener, postgres: u16, silent: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, postgres, silent.clone()));
    }
}

async fn forward(client: TcpStream, postgres: u16, silent: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", postgres)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        copy(from_client, to_server, silent.clone()),
        copy(from_server, to_client, silent)
    );
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut silent: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        // Bytes that were read while the path is silent wait here.
        if silent.wait_for(|silent| !silent).await.is_err() || length == 0 {
            break;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }

    // The other side may have closed already.
    to.shutdown().await.ok();
}
