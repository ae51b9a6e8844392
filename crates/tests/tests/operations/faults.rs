//! The database is gone, or busy: the service says so, at once or within its budget, and heals by itself.

use std::time::Duration;

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Answer, Client, PASSWORD, TestApp};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{http::PATIENCE, locks::Locked};

/// Asserts that an answer says to try again, as a problem and with a time.
fn assert_unavailable(answer: &Answer) {
    answer.assert_problem(503, "unavailable");

    let wait: u64 = answer
        .header("retry-after")
        .parse()
        .expect("Retry-After is in seconds");
    assert!((1..=60).contains(&wait), "{wait}");

    // OWASP ASVS 16.5.1: nothing of what lies beneath.
    let told = answer.text().to_lowercase();

    for inner in [
        "postgres",
        "sqlx",
        "connection",
        "127.0.0.1",
        "pool",
        "statement",
    ] {
        assert!(!told.contains(inner), "{told}");
    }
}

/// Asks until the answer has this status.
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
        .expect("the answer comes to be as expected")
}

/// OWASP ASVS 16.5.2, 16.5.3: what cannot be checked is refused.
#[tokio::test]
async fn without_its_database_the_service_says_so_and_heals_by_itself() {
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

    let (nobody, management) = (app.anonymous(), app.management());
    management.get("/readyz").await.assert_status(200);

    app.stop_postgres().await;

    // The second time, no connection of the pool is left to find dead.
    for _ in 0..2 {
        assert_unavailable(&agent.get(&path).await);
        assert_unavailable(&agent.get("/v1/customers").await);
        assert_unavailable(&agent.post("/v1/customers", customer.clone()).await);
        assert_unavailable(&agent.patch(&path, json!({ "status": "lead" })).await);
        assert_unavailable(&agent.get("/v1/me").await);

        let sign_in = json!({ "email": agent.email(), "password": PASSWORD });
        assert_unavailable(&nobody.post("/v1/sessions", sign_in).await);

        for client in [&management, &nobody] {
            client.get("/livez").await.assert_status(200);
            client
                .get("/readyz")
                .await
                .assert_problem(503, "unavailable");
        }

        // What needs no database is answered as ever.
        nobody
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
        nobody.get("/openapi.json").await.assert_status(200);
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
async fn an_exhausted_pool_is_refused_within_its_budget() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "1");
    let builder = builder
        .setting("database.acquire_timeout", "6s")
        .setting("database.statement_timeout", "12s");
    let app = builder.start().await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut locked = Locked::customers(&app).await;
    let (listing, second) = tokio::join!(agent.get("/v1/customers"), async {
        locked.wait_for(1).await;
        // The only connection waits for the lock; this one waits for the connection.
        let refused = agent.get("/v1/customers").await;
        assert_eq!(
            locked.waiting().await,
            1,
            "the statement's deadline passed before the pool's"
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

/// A statement whose client has gone is not left running, and its connection not lost to the pool.
#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "1");
    let app = builder
        .setting("database.statement_timeout", "10m")
        .start()
        .await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut locked = Locked::customers(&app).await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(app.address())
            .await
            .expect("the server accepts");
        let head = format!(
            "GET /v1/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
            agent.token()
        );

        stream
            .write_all(head.as_bytes())
            .await
            .expect("the server reads");
        locked.wait_for(1).await;
        drop(stream);

        // Neither the lock nor the statement's deadline has let it go.
        locked.wait_for(0).await;

        // The audit log does not stand behind the lock, and the pool has one connection to read it with.
        until(&agent, "/v1/me", 200).await;
    }

    locked.release().await;
    agent.get("/v1/customers").await.assert_status(200);
}
