//! Statements that Postgres aborts because of a deadlock (40P01) or a serialization failure (40001)
//! are repeated once; then the caller is asked to retry.

use futures_util::future::join_all;
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::json;

/// Aborts the first `times` statements that update a throttle. A sequence counts them, since it is
/// not rolled back.
async fn abort(app: &TestApp, sqlstate: &str, times: i64) {
    let mut owner = app.owner().await;
    owner
        .run("CREATE SEQUENCE aborted", [])
        .await
        .expect("the owner's statement runs");
    owner
        .run("CREATE TABLE aborting (sqlstate text, times bigint)", [])
        .await
        .expect("the owner's statement runs");

    let insert = "INSERT INTO aborting VALUES ($1, $2)";
    owner
        .run(insert, [sqlstate.into(), times.into()])
        .await
        .expect("the owner's statement runs");

    let define = r"
        CREATE FUNCTION abort_some()
        RETURNS trigger
        LANGUAGE plpgsql
        SECURITY DEFINER
        AS $$
        BEGIN
            IF nextval('public.aborted') <= (SELECT times FROM public.aborting) THEN
                RAISE EXCEPTION USING
                    ERRCODE = (SELECT sqlstate FROM public.aborting),
                    MESSAGE = 'aborted';
            END IF;
            RETURN NULL;
        END $$
    ";
    owner
        .run(define, [])
        .await
        .expect("the owner's statement runs");

    let trigger = r"
        CREATE TRIGGER throttles_abort
        AFTER UPDATE ON mainstay.throttles
        FOR EACH STATEMENT EXECUTE FUNCTION abort_some()
    ";
    owner
        .run(trigger, [])
        .await
        .expect("the owner's statement runs");
}

#[tokio::test]
async fn an_aborted_statement_is_repeated_once() {
    for sqlstate in ["40P01", "40001"] {
        let app = TestApp::start(fixture::platform()).await;
        let agent = app.actor(Agent).await;
        abort(&app, sqlstate, 1).await;
        let body = json!({ "email": agent.email(), "password": PASSWORD });
        app.anonymous()
            .post("/v1/sessions", body)
            .await
            .assert_status(201);
    }
}

#[tokio::test]
async fn a_statement_that_is_aborted_twice_asks_the_caller_to_retry() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    abort(&app, "40P01", 2).await;

    let sign_in = async || {
        app.anonymous()
            .post(
                "/v1/sessions",
                json!({ "email": agent.email(), "password": PASSWORD }),
            )
            .await
    };

    let refused = sign_in().await;
    refused.assert_problem(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());
    sign_in().await.assert_status(201);
}

/// Twelve people behind six addresses of one network, ten at once, some with resets: all are
/// served.
#[tokio::test]
async fn people_of_one_network_do_not_deadlock() {
    let builder =
        TestApp::builder(fixture::platform()).setting("http.trusted_proxies", "127.0.0.0/8");
    let app = builder
        .setting("database.pool_size", "10")
        .setting("http.deadline", "60s")
        .start()
        .await;

    let mut people = Vec::new();
    for _ in 0..12 {
        people.push(app.actor(Agent).await.email().to_owned());
    }

    for round in 0..5 {
        let calls = (0..60_usize).map(|n| {
            let (email, from) = (&people[n * 7 % 12], format!("203.0.113.{}", n % 6));
            let (path, body) = match n % 10 {
                9 => ("/v1/password-resets", json!({ "email": email })),
                8 => (
                    "/v1/sessions",
                    json!({ "email": email, "password": "not the password at all" }),
                ),
                _ => (
                    "/v1/sessions",
                    json!({ "email": email, "password": PASSWORD }),
                ),
            };

            let call = app
                .anonymous()
                .request(Method::POST, path)
                .header("x-forwarded-for", &from);
            async move { call.json(&body).send().await.status.as_u16() }
        });

        let calls: Vec<_> = calls.collect();
        let mut statuses = Vec::new();
        let mut calls = calls.into_iter();
        while calls.len() > 0 {
            statuses.extend(join_all(calls.by_ref().take(10)).await);
        }

        assert!(
            statuses.iter().all(|status| *status < 500),
            "round {round}: {statuses:?}"
        );
    }
}
