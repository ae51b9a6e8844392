//! A flood of wrong sign-ins does not affect people who are signed in: refused requests do not
//! reach the database, and anonymous callers use at most half of its connections.

use futures_util::future::join_all;
use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Answer, TestApp};
use time::Duration;

use crate::{proxy::sign_in_from, table_locks::TableLock};

async fn guess(app: &TestApp, email: &str, from: &str) -> Answer {
    sign_in_from(&app.anonymous(), email, "not the password at all", from).await
}

#[tokio::test]
async fn a_throttled_address_does_not_reach_the_database() {
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

    // As after two hundred guesses: the address is throttled for every account.
    const FULL: &str = "UPDATE throttles SET level = 200 WHERE get_byte(key, 0) = 0";

    app.owner()
        .await
        .run(FULL, [])
        .await
        .expect("the bucket is filled");

    let refused = guess(&app, "second@example.org", "203.0.113.9").await;
    refused.assert_problem(429, "too_many_attempts");

    let before = app.round_trips();

    for number in 0..20 {
        let refused = guess(&app, &format!("victim-{number}@example.org"), "203.0.113.9").await;
        refused.assert_problem(429, "too_many_attempts");
        assert_eq!(
            refused.header("retry-after"),
            refused.header("retry-after"),
            "the database decides the wait"
        );
    }

    assert_eq!(
        app.round_trips(),
        before,
        "the request reached the database"
    );
    guess(&app, "third@example.org", "198.51.100.7")
        .await
        .assert_problem(401, "invalid_credentials");

    // After a moment the database is asked again, and receives the attempts that it missed.
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
        .expect("the rows are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 21);

    // Attempts that another replica returned count here too.
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
async fn anonymous_callers_leave_connections_for_signed_in_people() {
    let builder = TestApp::builder(fixture::platform()).setting("database.pool_size", "2");
    let builder = builder
        .setting("database.statement_timeout", "1m")
        .setting("http.deadline", "2m");
    let app = builder.setting("jobs.in_process", "false").start().await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/customers").await.assert_status(200);

    let mut lock = TableLock::take(
        &app,
        "LOCK TABLE mainstay.throttles IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let strangers = join_all((0..6).map(|number| {
        let email = format!("unknown-{number}@example.org");
        let app = &app;
        async move { guess(app, &email, "203.0.113.9").await.status }
    }));

    let (answers, ()) = tokio::join!(strangers, async {
        lock.wait_until(|waiting| waiting > 0).await;

        // The other sign-ins had time to take the remaining connections.
        for _ in 0..10 {
            agent.get("/v1/customers").await.assert_status(200);
        }

        lock.release().await;
    });

    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
}
