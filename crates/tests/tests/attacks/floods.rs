//! A flood of wrong sign-ins costs those who are signed in nothing: what is refused anyway does not come to the database, and
//! strangers hold no more than half of its connections.

use futures_util::future::join_all;
use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::{Answer, TestApp};
use serde_json::json;
use time::Duration;
use tokio::time::{sleep, timeout};

use crate::http::PATIENCE;

async fn guess(app: &TestApp, email: &str, from: &str) -> Answer {
    let call = app
        .anonymous()
        .request(Method::POST, "/v1/sessions")
        .header("x-forwarded-for", from);
    call.json(&json!({ "email": email, "password": "not the password at all" }))
        .send()
        .await
}

#[tokio::test]
async fn an_address_that_is_refused_anyway_costs_the_database_nothing() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .counting_round_trips();
    let builder = builder
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .setting("database.pool_size", "1");

    let app = builder.setting("jobs.in_process", "false").start().await;
    guess(&app, "first@example.org", "203.0.113.9")
        .await
        .assert_problem(401, "invalid_credentials");

    // As after two hundred guesses: the address has no room left, for whichever account.
    const FULL: &str = "UPDATE throttles SET level = 200 WHERE get_byte(key, 0) = 0";

    app.owner()
        .await
        .run(FULL, [])
        .await
        .expect("the bucket is filled");

    let told = guess(&app, "second@example.org", "203.0.113.9").await;
    told.assert_problem(429, "too_many_attempts");

    let before = app.round_trips();

    for number in 0..20 {
        let refused = guess(&app, &format!("victim-{number}@example.org"), "203.0.113.9").await;
        refused.assert_problem(429, "too_many_attempts");
        assert_eq!(
            refused.header("retry-after"),
            told.header("retry-after"),
            "the wait is the database's"
        );
    }

    assert_eq!(app.round_trips(), before, "the database was asked");
    guess(&app, "third@example.org", "198.51.100.7")
        .await
        .assert_problem(401, "invalid_credentials");

    // The database is asked again after a moment, and told of what it did not see.
    clock.advance(Duration::seconds(2));
    guess(&app, "fourth@example.org", "203.0.113.9")
        .await
        .assert_problem(429, "too_many_attempts");
    assert!(app.round_trips() > before);

    let unrecorded = "SELECT sum(unrecorded)::bigint FROM refusals";
    let rows = app
        .owner()
        .await
        .run(unrecorded, [])
        .await
        .expect("they are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("a number"), 21);

    // What another replica gave back is given here too.
    app.owner()
        .await
        .run("UPDATE throttles SET level = 0", [])
        .await
        .expect("the bucket is emptied");

    clock.advance(Duration::seconds(2));
    guess(&app, "fifth@example.org", "203.0.113.9")
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn strangers_leave_connections_to_those_who_are_signed_in() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "2");
    let builder = builder
        .setting("database.statement_timeout", "1m")
        .setting("http.deadline", "2m");
    let app = builder.setting("jobs.in_process", "false").start().await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut owner = app.owner().await;
    owner.run("BEGIN", []).await.expect("a transaction begins");
    owner
        .run("SET LOCAL idle_in_transaction_session_timeout = 0", [])
        .await
        .expect("it may take its time");
    owner
        .run("LOCK TABLE throttles IN ACCESS EXCLUSIVE MODE", [])
        .await
        .expect("sign-ins wait");

    let strangers = join_all((0..6).map(|number| {
        let email = format!("nobody-{number}@example.org");
        let app = &app;
        async move { guess(app, &email, "203.0.113.9").await.status }
    }));

    let (answers, ()) = tokio::join!(strangers, async {
        const WAITING: &str = r"
            SELECT count(*)
            FROM pg_locks
            WHERE NOT granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ";
        let one_waits = async {
            while owner.run(WAITING, []).await.expect("they are listed")[0]
                .get::<i64>(0)
                .expect("a number")
                == 0
            {
                sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, one_waits)
            .await
            .expect("a sign-in comes to the lock");
        // The others had their time to take what is left.
        for _ in 0..10 {
            agent.get("/v1/customers").await.assert_status(200);
        }
        owner
            .run("ROLLBACK", [])
            .await
            .expect("the lock is released");
    });

    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
}
