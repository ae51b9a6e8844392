//! The number of allocations per request, which may not grow unnoticed. It is a program of its own,
//! because it counts what its whole process allocates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{alloc::System, fmt::Write as _, net::SocketAddr};

use mainstay::access::BuiltInRole::Owner;
use mainstay_testing::TestApp;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Number of measurements of each kind. The least counts, since tasks in the background allocate
/// too.
const TRIES: usize = 30;

/// Most allocations and reallocations of one request: the measured ones and 3 %. Lower them when a
/// change saves some.
const LIVEZ: usize = 25;
const READ: usize = 87;
const PAGE_OF_50: usize = 1_600;
const CREATE: usize = 164;

/// A connection to the service that allocates nothing itself.
struct Connection {
    stream: TcpStream,
    host: SocketAddr,
    token: String,
    request: String,
    response: Vec<u8>,
}

impl Connection {
    async fn open(host: SocketAddr, token: &str) -> Self {
        Self {
            stream: TcpStream::connect(host).await.unwrap(),
            host,
            token: token.to_owned(),
            request: String::with_capacity(4 << 10),
            response: Vec::with_capacity(256 << 10),
        }
    }

    /// Sends a request, checks its status, and returns the number of allocations.
    async fn send(&mut self, method: &str, path: &str, body: &str, status: &str) -> usize {
        let Self { host, token, .. } = self;
        let length = body.len();
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        self.response.clear();

        let region = Region::new(COUNTED);
        self.stream
            .write_all(self.request.as_bytes())
            .await
            .unwrap();
        while !is_complete(&self.response) {
            let read = self.stream.read_buf(&mut self.response).await.unwrap();
            assert_ne!(read, 0, "the connection stays open");
        }
        let spent = region.change();

        let head = String::from_utf8_lossy(&self.response);
        assert_eq!(head.get(9..12), Some(status), "{head}");
        spent.allocations + spent.reallocations
    }

    /// The least number of allocations of several requests. `body` writes the one with this number.
    async fn least(
        &mut self,
        method: &str,
        path: &str,
        status: &str,
        body: impl Fn(usize) -> String,
    ) -> usize {
        let mut least = usize::MAX;
        for number in 0..TRIES {
            let body = body(number);
            least = least.min(self.send(method, path, &body, status).await);
        }
        least
    }
}

fn is_complete(response: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";

    let Some(end) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let length = response[..end]
        .windows(LENGTH.len())
        .position(|window| window.eq_ignore_ascii_case(LENGTH))
        .map(|start| &response[start + LENGTH.len()..end]);
    let digits = length
        .into_iter()
        .flatten()
        .take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));

    response.len() >= end + 4 + length
}

fn customer(number: usize) -> String {
    json!({
        "full_name": "Ada Example",
        "email": format!("ada{number}@example.org"),
        "phone": "+4930123456",
        "notes": "A note of some length about nothing in particular.",
    })
    .to_string()
}

#[tokio::test]
async fn a_request_allocates_no_more_than_before() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    let mut connection = Connection::open(app.address(), owner.token()).await;

    for number in 0..50 {
        connection
            .send("POST", "/v1/customers", &customer(1_000 + number), "201")
            .await;
    }
    let listing = owner.get("/v1/customers?limit=1").await.json();
    let path = format!(
        "/v1/customers/{}",
        listing["items"][0]["id"].as_str().unwrap()
    );

    let none = |_| String::new();
    let found = [
        (
            "livez",
            connection.least("GET", "/livez", "200", none).await,
            LIVEZ,
        ),
        (
            "read",
            connection.least("GET", &path, "200", none).await,
            READ,
        ),
        (
            "page",
            connection
                .least("GET", "/v1/customers?limit=50", "200", none)
                .await,
            PAGE_OF_50,
        ),
        (
            "create",
            connection
                .least("POST", "/v1/customers", "201", customer)
                .await,
            CREATE,
        ),
    ];

    for (kind, allocations, most) in found {
        assert!(
            allocations <= most,
            "{kind}: {allocations} allocations, at most {most}: {found:?}"
        );
    }
}
