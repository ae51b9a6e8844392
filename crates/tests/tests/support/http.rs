//! HTTP as it stands on the wire: requests that a well-behaved client cannot send, and answers as they come.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// No answer takes longer, on however slow a machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, or as much of one as came before the connection was closed.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 0 when the connection was closed without an answer.
    pub status: u16,
    /// The status line and the headers, in lower case.
    pub head: String,
    /// The rest.
    pub body: String,
}

impl Reply {
    /// Takes apart what a connection carried.
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

    /// The value of a header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map_or("", |(_, value)| value)
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Sends bytes on a connection of their own, and reads until the server closes it.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Reply {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    // A server that refuses the head may close before all is sent; then its answer still counts.
    stream.write_all(request.as_ref()).await.ok();
    Reply::of(&read_to_end(&mut stream).await)
}

/// Reads until the server closes the connection.
///
/// # Panics
/// When it does not, within [`PATIENCE`].
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A connection that is reset has been closed, too.
    read.expect("the server closes the connection").ok();
    answer
}

/// Sends an ordinary request: `token` and `body` where they are not empty.
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
