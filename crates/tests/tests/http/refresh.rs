//! `POST /v1/sessions/current/refresh`.

use futures_util::future::join_all;
use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Answer, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

const PATH: &str = "/v1/sessions/current/refresh";

async fn start_with_manual_clock() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    (
        TestApp::builder(fixture::platform())
            .clock(clock.clone())
            .start()
            .await,
        clock,
    )
}

/// Starts a new session, and returns the response.
async fn begin(app: &TestApp) -> Value {
    let agent = app.actor(Agent).await;
    let body = json!({ "email": agent.email(), "password": PASSWORD });
    app.anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json()
}

async fn refresh(app: &TestApp, token: &Value) -> Answer {
    app.anonymous()
        .post(PATH, json!({ "refresh_token": token }))
        .await
}

async fn works(app: &TestApp, session: &Value) -> bool {
    app.anonymous()
        .with_token(session["access_token"].as_str().unwrap())
        .get("/v1/me")
        .await
        .status
        == 200
}

#[tokio::test]
async fn a_refresh_gives_the_next_pair_of_the_same_session() {
    let (app, clock) = start_with_manual_clock().await;
    let first = begin(&app).await;
    clock.advance(Duration::minutes(11));

    assert!(!works(&app, &first).await);

    let second = refresh(&app, &first["refresh_token"])
        .await
        .assert_status(200)
        .json();
    assert!(works(&app, &second).await);
    assert_eq!(first["session_id"], second["session_id"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);

    let third = refresh(&app, &second["refresh_token"])
        .await
        .assert_status(200)
        .json();
    assert!(works(&app, &third).await);
}

/// OWASP ASVS 10.4.5; RFC 9700 §4.14.2: reuse of a refresh token ends the session, for both thief
/// and owner.
#[tokio::test]
async fn reusing_a_refresh_token_ends_the_session() {
    let (app, clock) = start_with_manual_clock().await;
    let first = begin(&app).await;
    let second = refresh(&app, &first["refresh_token"])
        .await
        .assert_status(200)
        .json();
    let third = refresh(&app, &second["refresh_token"])
        .await
        .assert_status(200)
        .json();

    clock.advance(Duration::seconds(11));
    assert!(works(&app, &third).await);
    refresh(&app, &first["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert!(!works(&app, &third).await, "the successor is still valid");
    refresh(&app, &third["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");

    let reuse = "SELECT count(*) FROM audit_events WHERE action = 'authn_token_reuse'";
    assert_eq!(
        app.owner().await.run(reuse, []).await.unwrap()[0]
            .get::<i64>(0)
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_retry_within_seconds_gets_the_same_successor() {
    let (app, clock) = start_with_manual_clock().await;
    let first = begin(&app).await;
    let second = refresh(&app, &first["refresh_token"])
        .await
        .assert_status(200)
        .json();

    clock.advance(Duration::seconds(9));
    let again = refresh(&app, &first["refresh_token"])
        .await
        .assert_status(200)
        .json();

    assert_eq!(second["refresh_token"], again["refresh_token"]);
    assert!(works(&app, &again).await);
}

/// A client that sends the same refresh many times at once gets one successor.
#[tokio::test]
async fn concurrent_refreshes_get_the_same_successor() {
    let app = crate::start().await;
    let first = begin(&app).await;
    let answers = join_all((0..20).map(|_| refresh(&app, &first["refresh_token"]))).await;
    let tokens: Vec<_> = answers
        .iter()
        .map(|answer| answer.assert_status(200).json()["refresh_token"].clone())
        .collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

/// OWASP ASVS 7.3.1.
#[tokio::test]
async fn an_unused_session_expires() {
    let (app, clock) = start_with_manual_clock().await;
    let mut session = begin(&app).await;
    for _ in 0..3 {
        clock.advance(Duration::hours(23));
        session = refresh(&app, &session["refresh_token"])
            .await
            .assert_status(200)
            .json();
    }

    clock.advance(Duration::hours(24));
    refresh(&app, &session["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");
}

/// OWASP ASVS 7.3.2, 10.4.8.
#[tokio::test]
async fn a_session_has_a_maximum_lifetime() {
    let (app, clock) = start_with_manual_clock().await;
    let mut session = begin(&app).await;
    for _ in 0..59 {
        clock.advance(Duration::hours(12));
        session = refresh(&app, &session["refresh_token"])
            .await
            .assert_status(200)
            .json();
    }

    clock.advance(Duration::hours(12) - Duration::minutes(1));
    session = refresh(&app, &session["refresh_token"])
        .await
        .assert_status(200)
        .json();

    clock.advance(Duration::minutes(1));
    assert!(
        !works(&app, &session).await,
        "an access token outlived its session"
    );
    refresh(&app, &session["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn an_unknown_refresh_token_is_refused_without_effect() {
    let app = crate::start().await;
    let session = begin(&app).await;
    let token = session["refresh_token"].as_str().unwrap();
    let altered = format!("{}A", &token[..token.len() - 1]);

    for forged in [
        "mrt_",
        "x",
        &altered,
        &token.to_uppercase(),
        session["session_id"].as_str().unwrap(),
    ] {
        if forged != token {
            refresh(&app, &json!(forged))
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
    }

    assert!(works(&app, &session).await);
}

#[tokio::test]
async fn a_sign_out_or_deactivation_ends_refreshing() {
    let app = crate::start().await;
    let session = begin(&app).await;
    let client = app
        .anonymous()
        .with_token(session["access_token"].as_str().unwrap());

    client
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);
    refresh(&app, &session["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");

    let other = begin(&app).await;
    app.owner()
        .await
        .run("UPDATE users SET active = false", [])
        .await
        .unwrap();

    refresh(&app, &other["refresh_token"])
        .await
        .assert_problem(401, "invalid_refresh_token");
}

/// OWASP ASVS 7.2.3: a stolen database contains no token.
#[tokio::test]
async fn the_database_contains_no_refresh_token() {
    let app = crate::start().await;
    let first = begin(&app).await;
    let second = refresh(&app, &first["refresh_token"])
        .await
        .assert_status(200)
        .json();

    let rows = app
        .owner()
        .await
        .run("SELECT t::text FROM refresh_tokens t", [])
        .await
        .unwrap();

    let dump: String = rows
        .iter()
        .map(|row| row.get::<String>(0).unwrap())
        .collect();
    assert_eq!(
        rows.len(),
        3,
        "one of the actor's sign-in, and two of this session"
    );

    for token in [first, second] {
        let hex: String = token["refresh_token"]
            .as_str()
            .unwrap()
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(!dump.contains(&hex) && !dump.contains(&hex[8..40]));
    }
}
