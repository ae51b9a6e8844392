//! The database is down or busy: the service reports it at once or within its time budget, and
//! recovers by itself.

use std::time::Duration;

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Answer, Client, PASSWORD, TestApp};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{http::PATIENCE, table_locks::TableLock};

/// Asserts that a response is a 503 problem with `Retry-After`.
fn assert_unavailable(answer: &Answer) {
    answer.assert_problem(503, "unavailable");

    let wait: u64 = answer
        .header("retry-after")
        .parse()
        .expect("Retry-After is in seconds");
    assert!((1..=60).contains(&wait), "{wait}");

    // OWASP ASVS 16.5.1: no internal details.
    let text = answer.text().to_lowercase();

    for inner in [
        "postgres",
        "sqlx",
        "connection",
        "127.0.0.1",
        "pool",
        "statement",
    ] {
        assert!(!text.contains(inner), "{text}");
    }
}

/// Repeats the request until the response has this status.
pub async fn until(client: &Client, path: &str, status: u16) -> Answer {
    let healed = async {
        loop {
            let answer = client.get(path).await;
            if answer.status == status {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    tokio::time::timeout(PATIENCE, healed)
        .await
        .expect("the status is reached")
}

/// OWASP ASVS 16.5.2, 16.5.3: what cannot be verified is refused.
#[tokio::test]
async fn without_its_database_the_service_answers_503_and_recovers() {
    let app = TestApp::builder(fixture::platform())
        .own_cluster()
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let customer = json!({ "full_name": "Ada", "email": "ada@example.org" });
    let path = agent
        .post("/v1/customers", customer.clone())
        .await
        .assert_status(201)
        .location();

    let (anonymous, management) = (app.anonymous(), app.management());
    management.get("/readyz").await.assert_status(200);

    app.stop_postgres().await;

    // The second time, the pool has no dead connection left.
    for _ in 0..2 {
        assert_unavailable(&agent.get(&path).await);
        assert_unavailable(&agent.get("/v1/customers").await);
        assert_unavailable(&agent.post("/v1/customers", customer.clone()).await);
        assert_unavailable(&agent.patch(&path, json!({ "status": "lead" })).await);
        assert_unavailable(&agent.get("/v1/me").await);

        let sign_in = json!({ "email": agent.email(), "password": PASSWORD });
        assert_unavailable(&anonymous.post("/v1/sessions", sign_in).await);

        for client in [&management, &anonymous] {
            client.get("/livez").await.assert_status(200);
            client
                .get("/readyz")
                .await
                .assert_problem(503, "unavailable");
        }

        // Requests that need no database still work.
        anonymous
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
        anonymous.get("/openapi.json").await.assert_status(200);
    }

    app.start_postgres().await;
    until(&management, "/readyz", 200).await;
    until(&agent, &path, 200).await;

    agent
        .post("/v1/customers", customer)
        .await
        .assert_status(201);
    assert_eq!(
        agent.get("/v1/customers").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

/// OWASP ASVS 13.1.2, 13.2.6.
#[tokio::test]
async fn an_exhausted_pool_answers_503_within_its_budget() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "1");
    let builder = builder
        .setting("database.acquire_timeout", "6s")
        .setting("database.statement_timeout", "12s");
    let app = builder.start().await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut locked = TableLock::customers(&app).await;
    let (listing, second) = tokio::join!(agent.get("/v1/customers"), async {
        locked.wait_for(1).await;
        // The only connection waits for the lock; this request waits for the connection.
        let refused = agent.get("/v1/customers").await;
        assert_eq!(
            locked.waiting().await,
            1,
            "the statement timed out before the pool did"
        );
        app.anonymous().get("/livez").await.assert_status(200);
        app.anonymous().get("/readyz").await.assert_status(200);
        refused
    });

    assert_unavailable(&second);
    assert_unavailable(&listing);

    locked.wait_for(0).await;
    locked.release().await;
    until(&agent, "/v1/customers", 200).await;
}

/// When a client disconnects, its statement is cancelled and its connection returns to the pool.
#[tokio::test]
async fn a_disconnected_client_leaves_no_running_statement() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "1");
    let app = builder
        .setting("database.statement_timeout", "10m")
        .start()
        .await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut locked = TableLock::customers(&app).await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(app.address())
            .await
            .expect("the server accepts the connection");
        let head = format!(
            "GET /v1/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
            agent.token()
        );

        stream
            .write_all(head.as_bytes())
            .await
            .expect("the request is sent");
        locked.wait_for(1).await;
        drop(stream);

        // Neither the lock nor the statement's timeout has ended it.
        locked.wait_for(0).await;

        // The audit log is not locked, and the pool's only connection can read it.
        until(&agent, "/v1/me", 200).await;
    }

    locked.release().await;
    agent.get("/v1/customers").await.assert_status(200);
}
