//! `/v1/sessions`, `/v1/sessions/current`, `/v1/sessions/{id}`.

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_http::Method;
use mainstay_testing::{Client, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::start;

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn a_session_gives_a_bearer_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let answer = app
        .anonymous()
        .post("/v1/sessions", credentials(owner.email(), PASSWORD))
        .await;
    let session = answer.assert_status(201).json();

    assert_eq!(answer.location(), "/v1/sessions/current");
    assert_eq!(session["token_type"], "Bearer");
    assert_eq!(session["expires_in"], 10 * 60);

    let token = session["access_token"].as_str().unwrap();
    app.anonymous()
        .with_token(token)
        .get("/v1/me")
        .await
        .assert_status(200);
}

/// OWASP ASVS 6.2.8: the password is checked unchanged.
#[tokio::test]
async fn the_address_is_case_insensitive_and_the_password_is_not() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let anonymous = app.anonymous();
    anonymous
        .post(
            "/v1/sessions",
            credentials(&owner.email().to_uppercase(), PASSWORD),
        )
        .await
        .assert_status(201);

    for wrong in [
        PASSWORD.to_uppercase(),
        format!("{PASSWORD} "),
        PASSWORD[1..].to_owned(),
    ] {
        let refused = anonymous
            .post("/v1/sessions", credentials(owner.email(), &wrong))
            .await;
        refused.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_password_may_be_long_but_not_endless() {
    let app = start().await;
    let attempt = async |length| {
        app.anonymous()
            .post("/v1/sessions", credentials("a@b", &"x".repeat(length)))
            .await
    };

    attempt(128)
        .await
        .assert_problem(401, "invalid_credentials");

    let refused = attempt(129).await;
    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/password"]
    );
}

#[tokio::test]
async fn failed_and_successful_sign_ins_are_recorded() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    app.anonymous()
        .post("/v1/sessions", credentials(owner.email(), "wrong"))
        .await
        .assert_status(401);

    let mut database = app.owner().await;
    let rows = database
        .run(
            r"
                SELECT action
                FROM audit_events
                WHERE action LIKE 'authn_login_%'
                ORDER BY id
            ",
            [],
        )
        .await;

    let actions: Vec<String> = rows
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();

    assert_eq!(actions, ["authn_login_success", "authn_login_fail"]);
}

/// OWASP ASVS 7.4.1.
#[tokio::test]
async fn a_deleted_session_is_refused_at_once() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent.get("/v1/me").await.assert_status(200);
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_access_token_expires() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let agent = app.actor(Agent).await;

    clock.advance(Duration::minutes(10) - Duration::SECOND);
    agent.get("/v1/me").await.assert_status(200);

    clock.advance(Duration::SECOND);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

/// OWASP ASVS 7.5.2: people can list and end their sessions.
#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let phone = app
        .anonymous()
        .request(Method::POST, "/v1/sessions")
        .header("user-agent", "Phone/1.0");

    let phone = phone
        .json(&credentials(agent.email(), PASSWORD))
        .send()
        .await
        .assert_status(201)
        .json();

    let phone_client = app
        .anonymous()
        .with_token(phone["access_token"].as_str().unwrap());
    phone_client.get("/v1/me").await.assert_status(200);

    let listed = agent.get("/v1/sessions").await.assert_status(200).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{listed}");
    assert_eq!(
        (&items[0]["user_agent"], &items[0]["address"]),
        (&json!("Phone/1.0"), &json!("127.0.0.1"))
    );
    assert_eq!(
        (&items[0]["current"], &items[1]["current"]),
        (&json!(false), &json!(true))
    );

    let path = format!("/v1/sessions/{}", phone["session_id"].as_str().unwrap());
    other.delete(&path).await.assert_problem(404, "not_found");
    phone_client.get("/v1/me").await.assert_status(200);
    agent.delete(&path).await.assert_status(204);
    phone_client
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    agent.delete(&path).await.assert_problem(404, "not_found");
}

/// OWASP ASVS 7.4.3.
#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let app = start().await;
    let (agent, bystander) = (app.actor(Agent).await, app.actor(Agent).await);
    let others: Vec<_> = [
        sign_in(&app, agent.email()).await,
        sign_in(&app, agent.email()).await,
    ]
    .into();

    agent.delete("/v1/sessions").await.assert_status(204);
    for other in others {
        other
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
    }
    agent.get("/v1/me").await.assert_status(200);
    bystander.get("/v1/me").await.assert_status(200);
}

/// The address and user agent of a session are sealed.
#[tokio::test]
async fn the_device_of_a_session_is_sealed_in_the_database() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let call = app
        .anonymous()
        .request(Method::POST, "/v1/sessions")
        .header("user-agent", "Canary/7");

    call.json(&credentials(agent.email(), PASSWORD))
        .send()
        .await
        .assert_status(201);

    let rows = app
        .owner()
        .await
        .run(
            "SELECT s::text FROM sessions s WHERE user_agent IS NOT NULL",
            [],
        )
        .await
        .unwrap();

    let dump: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert!(
        !dump.is_empty()
            && dump
                .iter()
                .all(|row| !row.contains("Canary") && !row.contains("43616e617279"))
    );
}

async fn sign_in(app: &TestApp, email: &str) -> Client {
    let session = app
        .anonymous()
        .post("/v1/sessions", credentials(email, PASSWORD))
        .await
        .assert_status(201)
        .json();
    app.anonymous()
        .with_token(session["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_deactivated_account_cannot_sign_in() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent.get("/v1/me").await.assert_status(200);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    app.anonymous()
        .post("/v1/sessions", credentials(agent.email(), PASSWORD))
        .await
        .assert_problem(401, "invalid_credentials");
}

/// An account has at most a hundred sessions, and the list shows them all.
#[tokio::test]
async fn the_hundred_most_recent_sessions_are_kept_and_listed() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let mut last = None;
    for _ in 0..103 {
        let session = app
            .anonymous()
            .post("/v1/sessions", credentials(agent.email(), PASSWORD))
            .await;
        last = session.assert_status(201).json()["access_token"]
            .as_str()
            .map(str::to_owned);
    }

    let newest = app.anonymous().with_token(&last.unwrap());
    let sessions = newest.get("/v1/sessions").await.assert_status(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 100);
    assert_eq!(sessions["items"][0]["current"], true);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    newest.delete("/v1/sessions").await.assert_status(204);
    assert_eq!(
        newest.get("/v1/sessions").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
