//! Request smuggling and slow clients: where a request ends, and how long it may take.

use std::net::SocketAddr;

use mainstay_testing::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::http::{PATIENCE, Reply, exchange, read_to_end};

/// A hidden second request, which would be answered with 200.
const SMUGGLED: &str = "GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/// OWASP ASVS 4.2.1, 4.2.2; RFC 9112 §6.3, §5.2. Another server in the chain may read such a
/// request differently, but this one never reads its rest as a second request.
#[tokio::test]
async fn ambiguous_framing_never_gives_two_requests() {
    let app = TestApp::start(fixture::platform()).await;
    let length = SMUGGLED.len();
    let post =
        "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let get = "GET /v1/me HTTP/1.1\r\nHost: localhost\r\n";

    let requests = [
        (
            "a length and chunks",
            format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunks and a length",
            format!(
                "{post}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!("{post}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n"),
        ),
        (
            "two lengths in one line",
            format!("{post}Content-Length: 0, {length}\r\n\r\n"),
        ),
        (
            "a length with a sign",
            format!("{post}Content-Length: +0\r\n\r\n"),
        ),
        (
            "a negative length",
            format!("{post}Content-Length: -1\r\n\r\n"),
        ),
        (
            "a length that overflows integers",
            format!("{post}Content-Length: 99999999999999999999\r\n\r\n"),
        ),
        (
            "an encoding that is not chunked",
            format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunked, but not last",
            format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a space before the colon",
            format!("{post}Content-Length : {length}\r\n\r\n"),
        ),
        (
            "a folded line",
            format!("{get}X-Folded: a\r\n Content-Length: {length}\r\n\r\n"),
        ),
        ("a header without a name", format!("{get}: value\r\n\r\n")),
        ("a NUL in a header", format!("{get}X-Nul: a\0b\r\n\r\n")),
        (
            "a bare carriage return",
            format!("{get}X-Return: a\rb\r\n\r\n"),
        ),
        (
            "a chunk size that is not a number",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
        ),
    ];

    for (what, request) in requests {
        let reply = exchange(app.address(), request + SMUGGLED).await;
        assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
        assert_eq!(
            format!("{}{}", reply.head, reply.body)
                .matches("http/1.1 200")
                .count(),
            0,
            "{what}: {reply:?}"
        );
        assert!(
            !reply.body.contains("HTTP/1.1"),
            "{what}: there are two responses: {reply:?}"
        );
    }

    assert_eq!(
        exchange(
            app.address(),
            SMUGGLED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        )
        .await
        .status,
        200
    );
}

/// OWASP ASVS 15.2.2: a silent or slow client does not keep a connection for ever.
#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.header_timeout", "1s")
        .start()
        .await;

    for beginning in [
        "",
        "GET /livez HT",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    ] {
        let mut stream = TcpStream::connect(app.address())
            .await
            .expect("the server accepts the connection");
        stream
            .write_all(beginning.as_bytes())
            .await
            .expect("the request is sent");
        let reply = Reply::of(&read_to_end(&mut stream).await);
        assert_ne!(reply.status, 200, "{beginning:?}");
    }
}

#[tokio::test]
async fn a_missing_body_times_out() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.body_timeout", "1s")
        .start()
        .await;
    let head =
        "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    for framing in [
        "Content-Length: 100\r\n\r\n{",
        "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let reply = exchange(app.address(), format!("{head}{framing}")).await;
        assert_eq!(reply.status, 408, "{reply:?}");
        assert_eq!(reply.json()["code"], "request_timeout");
    }
}

/// OWASP ASVS 5.2.1: a body without a length is read up to the limit.
#[tokio::test]
async fn an_endless_body_is_refused_at_the_limit() {
    const LIMIT: usize = 64 * 1024;
    let app = TestApp::builder(fixture::platform())
        .setting("http.body_limit", format!("{LIMIT}B"))
        .start()
        .await;
    let (reply, sent) = send_without_end(app.address(), 1 << 30).await;
    assert_eq!(reply.status, 413, "{reply:?}");
    assert_eq!(reply.json()["code"], "content_too_large");
    // Bytes beyond the limit are in the buffers of the two sockets, not in the service.
    assert!(sent < LIMIT + (32 << 20), "{sent} bytes were accepted");
}

/// Sends chunks until the server closes the connection or `most` bytes are sent. Returns the
/// response and the number of bytes.
async fn send_without_end(address: SocketAddr, most: usize) -> (Reply, usize) {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");
    let (mut reading, mut writing) = stream.into_split();
    let head = "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";

    let sending = tokio::spawn(async move {
        let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
        let mut sent = 0;
        if writing.write_all(head.as_bytes()).await.is_ok() {
            while sent < most && writing.write_all(chunk.as_bytes()).await.is_ok() {
                sent += chunk.len();
            }
        }
        sent
    });

    // A reset after an unread body may overtake the end of the response, so the response is read
    // while sending.
    let mut answer = Vec::new();
    let read = async {
        while let Ok(length @ 1..) = reading.read_buf(&mut answer).await {
            assert!(length > 0);
        }
    };

    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the server closes the connection");
    drop(reading);

    (Reply::of(&answer), sending.await.expect("the sender ends"))
}
