//! Peers that ask and do not read, that only connect, or that never go: none of them keeps a place for ever
//! (OWASP ASVS 15.2.2).

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

/// The largest answer: about a megabyte.
const LARGE: &str = "/openapi.json";

/// A peer that pipelines requests and reads no answer gives its place to the next.
#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off() {
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
        .expect("the server accepts");
    let asked = format!("GET {LARGE} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(200);
    reader
        .write_all(asked.as_bytes())
        .await
        .expect("the server reads");

    reader
        .read_exact(&mut [0; 9])
        .await
        .expect("the server has begun to answer");

    assert_eq!(
        send(one_place.address(), "GET", "/livez", "", "")
            .await
            .status,
        200
    );

    drop(reader);
}

/// The same with the windows of HTTP/2: none, or so small that an answer stays within the service.
#[tokio::test]
async fn a_peer_of_http_2_that_makes_no_room_is_cut_off() {
    let app = TestApp::start(fixture::platform()).await;
    let settings = [("http.write_timeout", "1s"), ("http.header_timeout", "2s")];
    let https = Https::start(&app, &settings).await;
    for (window, path) in [(0, LARGE), (0, "/livez"), (1, LARGE), (1, "/livez")] {
        let mut connection = https.connect(window).await;
        let answer = connection
            .get(path)
            .await
            .await
            .expect("the head of the answer needs no room");

        assert_eq!(answer.status(), 200);

        let ended = timeout(PATIENCE, &mut connection.ended).await;
        assert!(
            ended.is_ok(),
            "with a window of {window}, {path} holds its connection"
        );
    }
}

/// A connection of HTTP/2 on which nothing happens ends, as one of HTTP/1.1 does; until then it serves.
#[tokio::test]
async fn an_idle_connection_of_http_2_ends() {
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
                .expect("it is served")
                .status(),
            200
        );
    }

    let ended = timeout(PATIENCE, connection.ended)
        .await
        .expect("it ends")
        .expect("it does not panic");
    assert!(ended.is_ok(), "it is told to go, and goes: {ended:?}");
}

/// One address has a share of the places, and gets it back.
#[tokio::test]
async fn one_address_has_so_many_connections() {
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
            .expect("the server accepts")
    };

    let (first, _second) = (connect().await, connect().await);
    let mut third = connect().await;
    let closed = timeout(PATIENCE, third.read(&mut [0]))
        .await
        .expect("it is closed");

    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    drop(first);
    // The server finds out by itself that the first has gone.
    let served =
        async { while send(few.address(), "GET", "/livez", "", "").await.status != 200 {} };
    timeout(PATIENCE, served)
        .await
        .expect("its place is free again");
}

/// A proxy carries the requests of many clients.
#[tokio::test]
async fn a_trusted_proxy_has_as_many_as_it_likes() {
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
                .expect("the server accepts"),
        );
    }

    let request = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(proxied.address(), request).await.status, 200);
}
