//! The load: requests on connections that stay open, each sent when the previous one is answered.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Upper bound for a response.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a load measured.
#[derive(Default)]
pub struct Measured {
    /// How long each answered request took.
    pub times: Vec<Duration>,
    /// Number of requests without an answer of status 2xx.
    pub failures: usize,
}

/// Sends requests on `connections` for `span`. `request` writes the one with this number; `None`
/// ends the load earlier.
pub async fn load(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    request: &dyn Fn(usize) -> Option<String>,
) -> Measured {
    let (sent, end) = (AtomicUsize::new(0), Instant::now() + span);
    let all = (0..connections).map(async |_| {
        let mut measured = Measured::default();
        // A failed connection is replaced.
        while send_until(end, address, &sent, request, &mut measured).await {}
        measured
    });

    let mut sum = Measured::default();
    for mut measured in join_all(all).await {
        sum.times.append(&mut measured.times);
        sum.failures += measured.failures;
    }
    sum.times.sort_unstable();

    sum
}

/// Sends requests on one connection. Returns whether it failed before the end of the load.
async fn send_until(
    end: Instant,
    address: SocketAddr,
    sent: &AtomicUsize,
    request: &dyn Fn(usize) -> Option<String>,
    measured: &mut Measured,
) -> bool {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");
    stream
        .set_nodelay(true)
        .expect("the socket takes the option");

    let mut buffer = Vec::new();
    while Instant::now() < end {
        let Some(text) = request(sent.fetch_add(1, Ordering::Relaxed)) else {
            return false;
        };

        let started = Instant::now();
        let answer = timeout(
            PATIENCE,
            exchange(&mut stream, text.as_bytes(), &mut buffer),
        )
        .await;
        measured.times.push(started.elapsed());

        let Ok(Some(status)) = answer else {
            measured.failures += 1;
            return true;
        };
        measured.failures += usize::from(!(200..300).contains(&status));
    }

    false
}

/// Sends a request, and reads its response. Returns the status; `None` if the connection closed.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Option<u16> {
    buffer.clear();
    stream.write_all(request).await.ok()?;

    loop {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        if let Some((status, length)) = head(buffer)
            && buffer.len() >= length
        {
            return Some(status);
        }
    }
}

/// The status of a response, and its length with head and body; `None` until its head is complete.
fn head(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap_or_default());

    Some((status, end + length))
}
