//! The path to Postgres goes silent: no answer, no end of the connection, no refusal. What waits for an answer gives up by
//! itself, and what comes after does not wait for the same dead connection.

use futures_util::future::join_all;
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Replica, TestApp};
use serde_json::{Value, json};

use crate::{faults::until, locks::Locked, path::Path};

/// A replica that reaches Postgres over `path`. No deadline of a request ends what waits there.
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
async fn requests_on_a_dead_path_end_and_the_service_heals_when_it_is_back() {
    let app = TestApp::start(fixture::platform()).await;
    let path = Path::to(&app.database_url()).await;
    let replica = replica_over(&path, &app, 4).await;
    let agent = app.actor(Agent).await;
    let (there, nobody) = (replica.client_of(&agent), replica.anonymous());
    let customer = there
        .post("/v1/customers", ada())
        .await
        .assert_status(201)
        .location();

    for answer in join_all((0..8).map(|_| there.get(&customer))).await {
        answer.assert_status(200);
    }
    nobody.get("/readyz").await.assert_status(200);

    path.go_silent();

    // More requests than connections, twice: those that find each of them dead, and those that come after.
    for _ in 0..2 {
        for answer in join_all((0..8).map(|_| there.get(&customer))).await {
            answer.assert_problem(503, "unavailable");
        }
        nobody
            .get("/readyz")
            .await
            .assert_problem(503, "unavailable");
        nobody.get("/livez").await.assert_status(200);
    }

    path.recover();
    until(&nobody, "/readyz", 200).await;
    until(&there, &customer, 200).await;

    there.post("/v1/customers", ada()).await.assert_status(201);
    // It hears of revocations again.
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);

    until(&there, "/v1/me", 401).await;
}

/// A write that was sent and not answered may have happened: the client is told so, and not to send it again.
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_called_undone() {
    let app = TestApp::start(fixture::platform()).await;
    let path = Path::to(&app.database_url()).await;
    let replica = replica_over(&path, &app, 1).await;
    let agent = app.actor(Agent).await;
    let there = replica.client_of(&agent);

    // Its only connection has prepared the statement.
    there.post("/v1/customers", ada()).await.assert_status(201);

    let mut locked = Locked::customers(&app).await;
    let (answer, ()) = tokio::join!(there.post("/v1/customers", ada()), async {
        locked.wait_for(1).await;
        path.go_silent();
        locked.release().await;
    });

    answer.assert_problem(503, "outcome_unknown");
    assert_eq!(
        answer.headers.get("retry-after"),
        None,
        "it is not to be repeated without a look"
    );

    // Indeed it happened.
    let listed = agent.get("/v1/customers").await.json();
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(2),
        "{listed}"
    );
}

/// The same of a deadline that passes in the middle of a write.
#[tokio::test]
async fn a_deadline_in_a_write_does_not_say_that_it_was_not_done() {
    let builder = TestApp::builder(fixture::platform()).setting("http.deadline", "3s");
    let app = builder
        .setting("database.statement_timeout", "1m")
        .start()
        .await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let locked = Locked::customers(&app).await;
    let (written, read) = tokio::join!(
        agent.post("/v1/customers", ada()),
        agent.get("/v1/customers")
    );

    written.assert_problem(503, "outcome_unknown");
    read.assert_problem(503, "unavailable");

    locked.release().await;
}
