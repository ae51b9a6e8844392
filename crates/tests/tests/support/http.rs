//! Raw HTTP: requests that a well-behaved client cannot send, and responses as received.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Upper bound for a response, even on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A response, or the part of it that arrived before the connection closed.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 0 when the connection closed without a response.
    pub status: u16,
    /// The status line and the headers, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Parses the bytes of a connection.
    pub fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();

        Self {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The value of a header; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map_or("", |(_, value)| value)
    }

    /// The body as JSON; null when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Sends bytes on a new connection, and reads until the server closes it.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Reply {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");
    // A server that refuses the head may close before all is sent; its response still counts.
    stream.write_all(request.as_ref()).await.ok();
    Reply::of(&read_to_end(&mut stream).await)
}

/// Reads until the server closes the connection.
///
/// # Panics
/// When it does not close within [`PATIENCE`].
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset connection is closed too.
    read.expect("the server closes the connection").ok();
    answer
}

/// Sends an ordinary request, with `token` and `body` where they are not empty.
pub async fn send(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Reply {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if !token.is_empty() {
        request += &format!("Authorization: Bearer {token}\r\n");
    }

    if !body.is_empty() {
        request += &format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
    }

    exchange(address, format!("{request}\r\n{body}")).await
}
