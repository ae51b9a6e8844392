//! Bodies that are sent almost whole and then stall: what they hold together is bounded (OWASP ASVS 15.2.2).

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

/// Requests at once.
const REQUESTS: usize = 100;
/// How many of them the budget of strangers has room for: half of 2 MiB, in buffers of 32 KiB.
const ROOM: usize = 32;
/// What is sent, and what is announced: within the limit of a public operation.
const SENT: usize = 30_000;
const ANNOUNCED: usize = 31_000;

/// A service in which nothing but the budget ends a body that stalls.
fn builder() -> Builder {
    let builder = TestApp::builder(fixture::platform()).setting("http.body_budget", "2MiB");
    builder
        .setting("http.body_timeout", "10m")
        .setting("http.deadline", "10m")
}

/// Sends the beginning of a body, and its rest once `go` says so. Gives the answer, and whether it came before.
async fn stall(address: SocketAddr, mut go: watch::Receiver<bool>) -> (Reply, bool) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {ANNOUNCED}\r\n\r\n"
    );

    stream
        .write_all(head.as_bytes())
        .await
        .expect("the server reads");

    // A server that has refused the request may close before all is sent.
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
async fn bodies_that_stall_hold_no_more_than_the_budget() {
    let app = builder().start().await;
    let agent = app.actor(Agent).await;
    let (go, told) = watch::channel(false);
    let mut stalled: FuturesUnordered<_> = (0..REQUESTS)
        .map(|_| tokio::spawn(stall(app.address(), told.clone())))
        .collect();

    for count in 0..REQUESTS - ROOM {
        let answered = timeout(PATIENCE, stalled.next()).await;
        let answered = answered.unwrap_or_else(|_| panic!("{} bodies are held", REQUESTS - count));
        let (reply, early) = answered
            .expect("there are more")
            .expect("it does not panic");

        assert!(early);
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (503, Some("unavailable")),
            "{reply:?}"
        );
        assert_eq!(reply.header("retry-after"), "1");
    }

    // Who is known is served meanwhile.
    let customer = json!({ "full_name": "Ada", "email": "ada@example.org" });
    agent
        .post("/v1/customers", customer)
        .await
        .assert_status(201);

    go.send_replace(true);
    let rest: Vec<_> = timeout(PATIENCE, stalled.collect())
        .await
        .expect("the rest is answered");
    for held in rest {
        let (reply, _) = held.expect("it does not panic");
        assert!([400, 503].contains(&reply.status), "{reply:?}");
    }

    // What was held is free again, all of it.
    let served = join_all((0..ROOM).map(|_| async {
        let (told, go) = watch::channel(true);
        let answer = stall(app.address(), go).await;
        drop(told);
        answer
    }));

    assert!(served.await.iter().all(|(reply, _)| reply.status == 400));
}

/// OWASP ASVS 15.2.2: the same on few connections, with many streams each.
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
        let answered = answered.unwrap_or_else(|_| panic!("{} bodies are held", REQUESTS - count));
        assert_eq!(
            answered
                .expect("there are more")
                .expect("it is answered")
                .status(),
            503
        );
    }
}

/// A public operation takes no more than it needs, and the document says how much; announced or not, more is refused.
#[tokio::test]
async fn a_public_operation_takes_a_small_body() {
    let app = TestApp::start(fixture::platform()).await;
    let nobody = app.anonymous();
    let document = nobody.get("/openapi.json").await.json();
    let operations = document["paths"]
        .as_object()
        .expect("it has paths")
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
    let refused = nobody.post("/v1/sessions", large.clone()).await;
    let detail = refused.assert_problem(413, "content_too_large").json()["detail"].clone();

    assert_eq!(detail, "The body is larger than 32768 bytes.");

    let agent = app.actor(Agent).await;
    agent
        .post("/v1/customers", large)
        .await
        .assert_problem(422, "invalid_input");
}
