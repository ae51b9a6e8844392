//! Peers that do not read, that only connect, or that never disconnect: none of them keeps its
//! connection for ever (OWASP ASVS 15.2.2).

use mainstay_testing::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    http::{PATIENCE, exchange, send},
    https::Https,
};

/// The largest response, about a megabyte.
const LARGE: &str = "/openapi.json";

/// A peer that pipelines requests without reading is disconnected.
#[tokio::test]
async fn a_peer_that_does_not_read_is_disconnected() {
    let app = TestApp::start(fixture::platform()).await;
    let settings = [
        ("http.max_connections", "1"),
        ("http.write_timeout", "1s"),
        ("http.header_timeout", "10m"),
    ];

    let one_place = app
        .second_replica_with(settings.map(|(name, value)| (name, value.to_owned())))
        .await;

    let mut reader = TcpStream::connect(one_place.address())
        .await
        .expect("the server accepts the connection");
    let asked = format!("GET {LARGE} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(200);
    reader
        .write_all(asked.as_bytes())
        .await
        .expect("the request is sent");

    reader
        .read_exact(&mut [0; 9])
        .await
        .expect("the server has started to answer");

    assert_eq!(
        send(one_place.address(), "GET", "/livez", "", "")
            .await
            .status,
        200
    );

    drop(reader);
}

/// The same with HTTP/2 windows of zero, or too small for the response.
#[tokio::test]
async fn an_http_2_peer_that_opens_no_window_is_disconnected() {
    let app = TestApp::start(fixture::platform()).await;
    let settings = [("http.write_timeout", "1s"), ("http.header_timeout", "2s")];
    let https = Https::start(&app, &settings).await;
    for (window, path) in [(0, LARGE), (0, "/livez"), (1, LARGE), (1, "/livez")] {
        let mut connection = https.connect(window).await;
        let answer = connection
            .get(path)
            .await
            .await
            .expect("the head of the response needs no window");

        assert_eq!(answer.status(), 200);

        let ended = timeout(PATIENCE, &mut connection.ended).await;
        assert!(
            ended.is_ok(),
            "with a window of {window}, {path} keeps its connection"
        );
    }
}

/// An idle HTTP/2 connection is closed, as an HTTP/1.1 one is; until then it works.
#[tokio::test]
async fn an_idle_http_2_connection_is_closed() {
    let app = TestApp::start(fixture::platform()).await;
    let https = Https::start(
        &app,
        &[("http.header_timeout", "1s"), ("http.write_timeout", "10m")],
    )
    .await;

    let mut connection = https.connect(65_535).await;
    for _ in 0..3 {
        assert_eq!(
            connection
                .get("/livez")
                .await
                .await
                .expect("the request is answered")
                .status(),
            200
        );
    }

    let ended = timeout(PATIENCE, connection.ended)
        .await
        .expect("the task ends")
        .expect("the task does not panic");
    assert!(
        ended.is_ok(),
        "the connection is not closed in order: {ended:?}"
    );
}

/// The number of connections per address is limited, and closed ones do not count.
#[tokio::test]
async fn connections_per_address_are_limited() {
    let app = TestApp::start(fixture::platform()).await;
    let settings = [
        ("http.max_connections_per_address", "2"),
        ("http.header_timeout", "10m"),
    ];
    let few = app
        .second_replica_with(settings.map(|(name, value)| (name, value.to_owned())))
        .await;

    let connect = async || {
        TcpStream::connect(few.address())
            .await
            .expect("the server accepts the connection")
    };

    let (first, _second) = (connect().await, connect().await);
    let mut third = connect().await;
    let closed = timeout(PATIENCE, third.read(&mut [0]))
        .await
        .expect("the connection is closed");

    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    drop(first);
    // The server notices by itself that the first connection is closed.
    let served =
        async { while send(few.address(), "GET", "/livez", "", "").await.status != 200 {} };
    timeout(PATIENCE, served)
        .await
        .expect("a new connection is accepted");
}

/// A proxy carries the requests of many clients.
#[tokio::test]
async fn a_trusted_proxy_has_no_connection_limit() {
    let app = TestApp::start(fixture::platform()).await;
    let settings = [
        ("http.max_connections_per_address", "1"),
        ("http.trusted_proxies", "127.0.0.0/8"),
    ];
    let proxied = app
        .second_replica_with(settings.map(|(name, value)| (name, value.to_owned())))
        .await;

    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(
            TcpStream::connect(proxied.address())
                .await
                .expect("the server accepts the connection"),
        );
    }

    let request = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(proxied.address(), request).await.status, 200);
}
