//! The path between a service and Postgres, which a test lets go silent: what is sent is accepted and goes nowhere, new
//! connections too, and nobody is told. So do a host that freezes, and a firewall that has forgotten a connection.

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
    /// A path to the Postgres that `url` names.
    pub async fn to(url: &SecretString) -> Self {
        let postgres = port(url.expose_secret());
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let (silent, is_silent) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, postgres, is_silent));

        Self {
            address,
            postgres,
            silent,
            accepting,
        }
    }

    /// The same URL by way of this path.
    pub fn url(&self, url: &SecretString) -> String {
        url.expose_secret().replace(
            &format!(":{}/", self.postgres),
            &format!(":{}/", self.address.port()),
        )
    }

    /// Passes nothing on any more.
    pub fn go_silent(&self) {
        self.silent.send_replace(true);
    }

    /// Passes on what comes, and what has come meanwhile.
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
        tokio::spawn(pass_on(client, postgres, silent.clone()));
    }
}

async fn pass_on(client: TcpStream, postgres: u16, silent: watch::Receiver<bool>) {
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
        // What was read while the path is silent waits here.
        if silent.wait_for(|silent| !silent).await.is_err() || length == 0 {
            break;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }

    // The other side may be gone already.
    to.shutdown().await.ok();
}
