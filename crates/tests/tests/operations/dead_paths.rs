//! The path to Postgres goes silent: no answer, no error, no end of the connection. Waiting
//! requests give up by themselves, and later ones do not wait for the same dead connection.

use futures_util::future::join_all;
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Replica, TestApp};
use serde_json::{Value, json};

use crate::{faults::until, path::Path, table_locks::TableLock};

/// Starts a replica that reaches Postgres over `path`, with no request deadline that would end the
/// wait.
async fn replica_over(path: &Path, app: &TestApp, connections: usize) -> Replica {
    let settings = [
        ("database.pool_size", connections.to_string()),
        ("database.url", path.url(&app.database_url())),
        ("database.statement_timeout", "1s".to_owned()),
        ("database.acquire_timeout", "2s".to_owned()),
        ("http.deadline", "10m".to_owned()),
    ];
    app.second_replica_with(settings).await
}

fn ada() -> Value {
    json!({ "full_name": "Ada", "email": "ada@example.org" })
}

#[tokio::test]
async fn requests_on_a_dead_path_end_and_the_service_recovers() {
    let app = TestApp::start(fixture::platform()).await;
    let path = Path::to(&app.database_url()).await;
    let replica = replica_over(&path, &app, 4).await;
    let agent = app.actor(Agent).await;
    let (client, anonymous) = (replica.client_of(&agent), replica.anonymous());
    let customer = client
        .post("/v1/customers", ada())
        .await
        .assert_status(201)
        .location();

    for answer in join_all((0..8).map(|_| client.get(&customer))).await {
        answer.assert_status(200);
    }
    anonymous.get("/readyz").await.assert_status(200);

    path.go_silent();

    // More requests than connections, twice: the first find each connection dead, the others come
    // later.
    for _ in 0..2 {
        for answer in join_all((0..8).map(|_| client.get(&customer))).await {
            answer.assert_problem(503, "unavailable");
        }
        anonymous
            .get("/readyz")
            .await
            .assert_problem(503, "unavailable");
        anonymous.get("/livez").await.assert_status(200);
    }

    path.recover();
    until(&anonymous, "/readyz", 200).await;
    until(&client, &customer, 200).await;

    client.post("/v1/customers", ada()).await.assert_status(201);
    // It receives revocations again.
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);

    until(&client, "/v1/me", 401).await;
}

/// A write without an answer may have been committed: the response says so, and not to repeat it.
#[tokio::test]
async fn a_write_without_an_answer_is_not_reported_as_failed() {
    let app = TestApp::start(fixture::platform()).await;
    let path = Path::to(&app.database_url()).await;
    let replica = replica_over(&path, &app, 1).await;
    let agent = app.actor(Agent).await;
    let client = replica.client_of(&agent);

    // Prepares the statement on the only connection.
    client.post("/v1/customers", ada()).await.assert_status(201);

    let mut locked = TableLock::customers(&app).await;
    let (answer, ()) = tokio::join!(client.post("/v1/customers", ada()), async {
        locked.wait_for(1).await;
        path.go_silent();
        locked.release().await;
    });

    answer.assert_problem(503, "outcome_unknown");
    assert_eq!(
        answer.headers.get("retry-after"),
        None,
        "the client must check before it repeats the request"
    );

    // The write was committed.
    let listed = agent.get("/v1/customers").await.json();
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(2),
        "{listed}"
    );
}

/// The same when the deadline passes during a write.
#[tokio::test]
async fn a_write_past_its_deadline_is_not_reported_as_failed() {
    let builder = TestApp::builder(fixture::platform()).setting("http.deadline", "3s");
    let app = builder
        .setting("database.statement_timeout", "1m")
        .start()
        .await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let locked = TableLock::customers(&app).await;
    let (written, read) = tokio::join!(
        agent.post("/v1/customers", ada()),
        agent.get("/v1/customers")
    );

    written.assert_problem(503, "outcome_unknown");
    read.assert_problem(503, "unavailable");

    locked.release().await;
}
