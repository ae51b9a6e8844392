//! Bodies that are sent almost completely and then stall: their total memory is bounded (OWASP ASVS
//! 15.2.2).

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Builder, TestApp};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch, time::timeout};

use crate::{
    http::{PATIENCE, Reply, read_to_end},
    https::Https,
};

/// Concurrent requests.
const REQUESTS: usize = 100;
/// Number of requests that fit into the budget of anonymous callers: half of 2 MiB, in buffers of
/// 32 KiB.
const ROOM: usize = 32;
/// Bytes sent and bytes announced, within the limit of a public operation.
const SENT: usize = 30_000;
const ANNOUNCED: usize = 31_000;

/// A service in which only the budget ends a stalled body.
fn builder() -> Builder {
    let builder = TestApp::builder(fixture::platform()).setting("http.body_budget", "2MiB");
    builder
        .setting("http.body_timeout", "10m")
        .setting("http.deadline", "10m")
}

/// Sends the start of a body, and the rest once `go` is true. Returns the response, and whether it
/// came before.
async fn stall(address: SocketAddr, mut go: watch::Receiver<bool>) -> (Reply, bool) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {ANNOUNCED}\r\n\r\n"
    );

    stream
        .write_all(head.as_bytes())
        .await
        .expect("the request is sent");

    // A server that refused the request may close before all is sent.
    stream.write_all(" ".repeat(SENT).as_bytes()).await.ok();

    let readable = tokio::select! {
        readable = stream.readable() => Some(readable),
        _ = go.wait_for(|go| *go) => None,
    };

    if readable.is_none() {
        stream
            .write_all(" ".repeat(ANNOUNCED - SENT).as_bytes())
            .await
            .ok();
    }

    (
        Reply::of(&read_to_end(&mut stream).await),
        readable.is_some(),
    )
}

#[tokio::test]
async fn stalled_bodies_use_no_more_than_the_budget() {
    let app = builder().start().await;
    let agent = app.actor(Agent).await;
    let (go, permit) = watch::channel(false);
    let mut stalled: FuturesUnordered<_> = (0..REQUESTS)
        .map(|_| tokio::spawn(stall(app.address(), permit.clone())))
        .collect();

    for count in 0..REQUESTS - ROOM {
        let answered = timeout(PATIENCE, stalled.next()).await;
        let answered =
            answered.unwrap_or_else(|_| panic!("{} bodies are still buffered", REQUESTS - count));
        let (reply, early) = answered
            .expect("more requests are running")
            .expect("the task does not panic");

        assert!(early);
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (503, Some("unavailable")),
            "{reply:?}"
        );
        assert_eq!(reply.header("retry-after"), "1");
    }

    // Authenticated callers are served meanwhile.
    let customer = json!({ "full_name": "Ada", "email": "ada@example.org" });
    agent
        .post("/v1/customers", customer)
        .await
        .assert_status(201);

    go.send_replace(true);
    let rest: Vec<_> = timeout(PATIENCE, stalled.collect())
        .await
        .expect("the other requests are answered");
    for held in rest {
        let (reply, _) = held.expect("the task does not panic");
        assert!([400, 503].contains(&reply.status), "{reply:?}");
    }

    // The whole budget is free again.
    let served = join_all((0..ROOM).map(|_| async {
        let (permit, go) = watch::channel(true);
        let answer = stall(app.address(), go).await;
        drop(permit);
        answer
    }));

    assert!(served.await.iter().all(|(reply, _)| reply.status == 400));
}

/// OWASP ASVS 15.2.2: the same with few connections and many streams each.
#[tokio::test]
async fn streams_of_http_2_share_the_budget() {
    let app = builder().start().await;
    let settings = [
        ("http.body_budget", "2MiB"),
        ("http.body_timeout", "10m"),
        ("http.deadline", "10m"),
    ];

    let https = Https::start(&app, &settings).await;
    let mut connections = [https.connect(65_535).await, https.connect(65_535).await];
    let (mut answers, mut held) = (FuturesUnordered::new(), Vec::new());

    for number in 0..REQUESTS {
        let connection = &mut connections[number % 2];
        let (answer, sending) = connection
            .begin("/v1/sessions", Bytes::from(vec![b' '; SENT]))
            .await;
        answers.push(answer);
        held.push(sending);
    }

    for count in 0..REQUESTS - ROOM {
        let answered = timeout(PATIENCE, answers.next()).await;
        let answered =
            answered.unwrap_or_else(|_| panic!("{} bodies are still buffered", REQUESTS - count));
        assert_eq!(
            answered
                .expect("more requests are running")
                .expect("the request is answered")
                .status(),
            503
        );
    }
}

/// A public operation has a small, documented body limit; a larger body is refused, announced or
/// not.
#[tokio::test]
async fn a_public_operation_has_a_small_body_limit() {
    let app = TestApp::start(fixture::platform()).await;
    let anonymous = app.anonymous();
    let document = anonymous.get("/openapi.json").await.json();
    let operations = document["paths"]
        .as_object()
        .expect("the document has paths")
        .values()
        .flat_map(|item| item.as_object());

    for operation in operations
        .flat_map(|item| item.values())
        .filter(|it| it["requestBody"].is_object())
    {
        let is_public = operation["security"] == json!([]);
        let most = operation["requestBody"]["x-max-bytes"].as_u64();
        assert!(
            !is_public || most.is_some_and(|most| most <= 65_536),
            "{}",
            operation["operationId"]
        );
    }

    let large = json!({ "email": "a@example.org", "password": "a".repeat(40_000) });
    let refused = anonymous.post("/v1/sessions", large.clone()).await;
    let detail = refused.assert_problem(413, "content_too_large").json()["detail"].clone();

    assert_eq!(detail, "The body is larger than 32768 bytes.");

    let agent = app.actor(Agent).await;
    agent
        .post("/v1/customers", large)
        .await
        .assert_problem(422, "invalid_input");
}
