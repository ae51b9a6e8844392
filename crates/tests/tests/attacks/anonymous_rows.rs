//! A caller without credentials creates a bounded number of rows per address and window, regardless
//! of the number of calls (OWASP ASVS 2.4.1).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use mainstay::kernel::{Clock, Timestamp};
use mainstay_http::Method;
use mainstay_testing::{Answer, OpenIdProvider, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::external::ACME;

/// More calls than any operation accepts in a burst.
const FIRST: usize = 260;
const THEN: usize = 60;

/// Counts the rows of every table, except those that the worker writes by itself.
async fn rows(app: &TestApp) -> BTreeMap<String, i64> {
    const COUNT: &str = r"
        SELECT name,
            (
                xpath(
                    '/row/count/text()',
                    query_to_xml(format('SELECT count(*) FROM %s', name), false, true, '')
                )
            )[1]::text::bigint
        FROM (
            SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', '') AS name, c.*
            FROM pg_class c
        ) AS c
        WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
          AND relkind IN ('r', 'p')
          AND NOT relispartition
          AND relname NOT IN (
              'audit_leaves', 'audit_checkpoints', 'audit_keys', 'jobs', 'findings',
              'finding_subjects', 'watch_marks', 'root_keys'
          )
    ";

    let counted = app
        .owner()
        .await
        .run(COUNT, [])
        .await
        .expect("the owner's statement runs");

    counted
        .iter()
        .map(|row| {
            (
                row.get(0).expect("the name is present"),
                row.get(1).expect("the count is a number"),
            )
        })
        .collect()
}

/// An anonymous operation: its name, and its `n`th call.
type Operation = (&'static str, fn(usize) -> (Method, &'static str, Body));

enum Body {
    Json(Value),
    Form(String),
}

fn json_of(path: &'static str, body: Value) -> (Method, &'static str, Body) {
    (Method::POST, path, Body::Json(body))
}

fn form_of(path: &'static str, body: String) -> (Method, &'static str, Body) {
    (Method::POST, path, Body::Form(body))
}

const OPERATIONS: [Operation; 15] = [
    ("sign-in", |n| {
        json_of(
            "/v1/sessions",
            json!({ "email": format!("a{n}@example.org"), "password": "not the password" }),
        )
    }),
    ("sign-in of one", |_| {
        json_of(
            "/v1/sessions",
            json!({ "email": "one@example.org", "password": "not the password" }),
        )
    }),
    ("passkey options", |_| {
        json_of("/v1/sessions/passkey/options", json!({}))
    }),
    ("token", |n| {
        form_of(
            "/oauth/token",
            format!("grant_type=authorization_code&client_id=none-{n}&code=a"),
        )
    }),
    ("token by secret", |n| {
        form_of(
            "/oauth/token",
            format!("grant_type=client_credentials&client_id=none-{n}&client_secret=mcs_{n}"),
        )
    }),
    ("introspection", |n| {
        form_of(
            "/oauth/introspect",
            format!("token=a&client_id=none-{n}&client_secret=b"),
        )
    }),
    ("revocation", |n| {
        form_of("/oauth/revoke", format!("token=a&client_id=none-{n}"))
    }),
    ("reset", |n| {
        json_of(
            "/v1/password-resets",
            json!({ "email": format!("b{n}@example.org") }),
        )
    }),
    ("sign-up", |n| {
        let email = format!("c{n}@example.org");
        json_of(
            "/v1/sign-ups",
            json!({ "email": email, "password": "violets tumble over granite" }),
        )
    }),
    ("external authorization", |_| {
        json_of("/v1/external-authorizations", json!({ "provider": ACME }))
    }),
    ("external session", |n| {
        let state = format!("state-{n}");
        json_of(
            "/v1/external-sessions",
            json!({ "provider": ACME, "state": state, "code": "a", "binding": "b" }),
        )
    }),
    ("refresh", |n| {
        json_of(
            "/v1/sessions/current/refresh",
            json!({ "refresh_token": format!("mrt_{n}") }),
        )
    }),
    ("confirmation", |n| {
        json_of(
            "/v1/sign-ups/confirmation",
            json!({ "token": format!("msu_{n}"), "password": "not the password" }),
        )
    }),
    ("strength", |n| {
        json_of(
            "/v1/password-strength",
            json!({ "password": format!("guess {n}") }),
        )
    }),
    ("invitation", |n| {
        let password = "violets tumble over granite";
        json_of(
            "/v1/invitations/sign-up",
            json!({ "token": format!("min_{n}"), "password": password }),
        )
    }),
];

/// Sends the call from the address `from`, as the proxy reports it.
async fn call(app: &TestApp, operation: Operation, n: usize, from: &str) -> Answer {
    let (method, path, body) = operation.1(n);
    let call = app
        .anonymous()
        .request(method, path)
        .header("x-forwarded-for", from);

    let call = match body {
        Body::Json(body) => call.json(&body),
        Body::Form(body) => call
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body),
    };

    call.send().await
}

#[tokio::test]
async fn anonymous_calls_leave_a_bounded_number_of_rows() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;
    let settings = json!([provider.settings(ACME)]).to_string();
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let builder = builder
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .setting("http.deadline", "60s");

    let app = builder
        .setting("identity.oidc_providers", settings)
        .start()
        .await;

    for (place, operation) in OPERATIONS.into_iter().enumerate() {
        let from = format!("203.0.{place}.9");
        let burst = async |calls: std::ops::Range<usize>| {
            for chunk in calls.collect::<Vec<_>>().chunks(20) {
                join_all(chunk.iter().map(|n| call(&app, operation, *n, &from))).await;
            }
        };

        burst(0..FIRST).await;
        let before = rows(&app).await;
        burst(FIRST..FIRST + THEN).await;

        let after = rows(&app).await;
        let grown: Vec<_> = after
            .iter()
            .filter(|(table, count)| before.get(*table) != Some(*count))
            .collect();

        assert!(
            grown.is_empty(),
            "{THEN} more calls of {}: {grown:?} after {before:?}",
            operation.0
        );
    }
}

/// The first refusal of each 15 minutes is recorded, and the next record counts those in between.
#[tokio::test]
async fn refusals_are_counted_in_the_next_record() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let guess = async || {
        let body = json!({ "email": "one@example.org", "password": "not the password" });
        app.anonymous().post("/v1/sessions", body).await
    };

    for _ in 0..6 {
        guess().await.assert_problem(401, "invalid_credentials");
    }
    for _ in 0..10 {
        guess().await.assert_problem(429, "too_many_attempts");
    }

    clock.advance(Duration::minutes(16));
    guess().await.assert_problem(401, "invalid_credentials");
    guess().await.assert_problem(429, "too_many_attempts");

    let recorded = r"
        SELECT (after ->> 'unrecorded')::bigint
        FROM audit_events
        WHERE action = 'authn_login_fail_max'
        ORDER BY id
    ";
    let rows = app
        .owner()
        .await
        .run(recorded, [])
        .await
        .expect("the log is read");

    let counts: Vec<i64> = rows
        .iter()
        .map(|row| row.get(0).expect("the count is a number"))
        .collect();
    assert_eq!(counts, [0, 9]);
}
