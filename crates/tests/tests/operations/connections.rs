//! What closes a connection to Postgres, what does not, and readiness without a connection.

use std::time::Duration;

use mainstay_access::BuiltInRole::Agent;
use mainstay_database::Owner;
use mainstay_testing::{Client, TestApp};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{faults::until, http::PATIENCE};

/// Ends every other session of the serving role in the app's database, as an administrator would.
const CUT: &str = r"
    SELECT count(pg_terminate_backend(pid))
    FROM pg_stat_activity
    WHERE usename = current_user
      AND datname = current_database()
      AND pid <> pg_backend_pid()
";

const SESSIONS: &str = r"
    SELECT string_agg(pid::text, ' ' ORDER BY pid)
    FROM pg_stat_activity
    WHERE usename = 'mainstay_server' AND datname = current_database()
";

fn ada() -> Value {
    json!({ "full_name": "Ada", "email": "ada@example.org" })
}

/// Starts an app whose connections serve requests only.
async fn start() -> TestApp {
    let builder = TestApp::builder(fixture::platform()).setting("jobs.in_process", "false");
    builder
        .setting("database.acquire_timeout", "5s")
        .start()
        .await
}

async fn sessions(owner: &mut Owner) -> String {
    owner.run(SESSIONS, []).await.expect("the rows are listed")[0]
        .get(0)
        .expect("the process ids are text")
}

/// OWASP ASVS 16.5.2.
#[tokio::test]
async fn a_refused_statement_costs_no_connection() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let mut owner = app.owner().await;

    // A full disk, and a bug of the platform.
    for code in ["53100", "XX000"] {
        let trigger = match code {
            "53100" => FULL,
            _ => FAULTY,
        };
        owner
            .run(trigger, [])
            .await
            .expect("the function is created");
        owner.run(ATTACH, []).await.expect("the trigger is created");

        agent.get("/v1/customers").await.assert_status(200);

        let before = sessions(&mut owner).await;

        for _ in 0..50 {
            let answer = agent.post("/v1/customers", ada()).await;
            assert!(
                [500, 503].contains(&answer.status.as_u16()),
                "{}",
                answer.status
            );
            assert_ne!(
                answer.json()["code"],
                "outcome_unknown",
                "a refused statement keeps its connection"
            );
        }

        assert_eq!(sessions(&mut owner).await, before, "after {code}");

        owner
            .run("DROP TRIGGER refusing ON customers", [])
            .await
            .expect("the trigger is dropped");
    }

    agent.post("/v1/customers", ada()).await.assert_status(201);
}

const FULL: &str = r"
    CREATE OR REPLACE FUNCTION refuse()
    RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        RAISE EXCEPTION 'no space left' USING ERRCODE = '53100';
    END $$
";
const FAULTY: &str = r"
    CREATE OR REPLACE FUNCTION refuse()
    RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        RAISE EXCEPTION 'out of order' USING ERRCODE = 'XX000';
    END $$
";
const ATTACH: &str =
    "CREATE TRIGGER refusing BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION refuse()";

/// Postgres reports that it closes the connection and that nothing was done: the change runs on a
/// new connection.
#[tokio::test]
async fn a_connection_that_postgres_closes_costs_no_request() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent.post("/v1/customers", ada()).await.assert_status(201);

    for _ in 0..3 {
        app.serving_role()
            .await
            .run(CUT, [])
            .await
            .expect("the sessions are terminated");
        agent.post("/v1/customers", ada()).await.assert_status(201);
    }

    let listed = agent.get("/v1/customers").await.json();
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(4),
        "{listed}"
    );
}

/// Two connection slots are left. The service is ready only if it has one.
#[tokio::test]
async fn a_service_without_a_connection_is_not_ready() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let (ready, mut owner) = (app.management(), app.owner().await);

    ready.get("/readyz").await.assert_status(200);

    let mut holder = app.serving_role().await;
    owner
        .run(NO_MORE, [])
        .await
        .expect("the owner's statement runs");
    holder
        .run(CUT, [])
        .await
        .expect("the sessions are terminated");
    until(&ready, "/readyz", 503).await;

    agent
        .get("/v1/customers")
        .await
        .assert_problem(503, "unavailable");

    // One more slot, which a health check could take.
    for _ in 0..5 {
        owner
            .run(ONE_MORE, [])
            .await
            .expect("the owner's statement runs");
        let (ready, served) = (
            ready.get("/readyz").await.status,
            agent.get("/v1/customers").await.status,
        );
        assert!(
            ready != 200 || served == 200,
            "readiness is {ready}, but a request got {served}"
        );
        owner
            .run(NO_MORE, [])
            .await
            .expect("the owner's statement runs");
        holder
            .run(CUT, [])
            .await
            .expect("the sessions are terminated");
    }

    owner
        .run(ANY_NUMBER, [])
        .await
        .expect("the owner's statement runs");
    until(&ready, "/readyz", 200).await;
    until(&agent, "/v1/customers", 200).await;
}

// The owner's and the holder's sessions take both.
const NO_MORE: &str = r"
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 2', current_database());
    END $$
";
const ONE_MORE: &str = r"
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 3', current_database());
    END $$
";
const ANY_NUMBER: &str = r"
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database());
    END $$
";

/// A standby accepts reads only, and so does a fenced primary while the address moves to another
/// server.
#[tokio::test]
async fn a_read_only_server_is_left_for_a_writable_one() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let (ready, mut owner) = (app.management(), app.owner().await);

    ready.get("/readyz").await.assert_status(200);

    owner
        .run(READ_ONLY, [])
        .await
        .expect("the owner's statement runs");
    app.serving_role()
        .await
        .run(CUT, [])
        .await
        .expect("the sessions are terminated");

    for _ in 0..3 {
        let refused = agent.post("/v1/customers", ada()).await;
        refused.assert_problem(503, "unavailable");
        ready
            .get("/readyz")
            .await
            .assert_problem(503, "unavailable");
    }

    // Open sessions stay read-only: only new ones may write.
    owner
        .run(READ_WRITE, [])
        .await
        .expect("the owner's statement runs");
    made(&agent).await;
    until(&ready, "/readyz", 200).await;
}

async fn made(agent: &Client) {
    let made = async {
        while agent.post("/v1/customers", ada()).await.status != 201 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, made)
        .await
        .expect("writes are accepted again");
}

const READ_ONLY: &str = r"
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
    END $$
";
const READ_WRITE: &str = r"
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database());
    END $$
";
