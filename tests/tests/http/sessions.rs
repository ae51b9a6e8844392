//! `POST /v1/sessions`, `DELETE /v1/sessions/current`.

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::start;

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn a_session_gives_a_bearer_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let answer = app.anonymous().post("/v1/sessions", credentials(owner.email(), PASSWORD)).await;
    let session = answer.assert_status(201).json();
    assert_eq!(answer.location(), "/v1/sessions/current");
    assert_eq!(session["token_type"], "Bearer");
    assert_eq!(session["expires_in"], 8 * 3_600);
    let token = session["access_token"].as_str().unwrap();
    app.anonymous().with_token(token).get("/v1/me").await.assert_status(200);
}

/// OWASP ASVS 6.2.8: the password is taken as it is.
#[tokio::test]
async fn the_address_is_known_in_any_case_and_the_password_in_one() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let anonymous = app.anonymous();
    anonymous.post("/v1/sessions", credentials(&owner.email().to_uppercase(), PASSWORD)).await.assert_status(201);
    for wrong in [PASSWORD.to_uppercase(), format!("{PASSWORD} "), PASSWORD[1..].to_owned()] {
        let refused = anonymous.post("/v1/sessions", credentials(owner.email(), &wrong)).await;
        refused.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_password_may_be_long_but_not_endless() {
    let app = start().await;
    let attempt = async |length| app.anonymous().post("/v1/sessions", credentials("a@b", &"x".repeat(length))).await;
    attempt(128).await.assert_problem(401, "invalid_credentials");
    let refused = attempt(129).await;
    assert_eq!(refused.assert_problem(422, "invalid_input").problem().errors, ["body/password"]);
}

#[tokio::test]
async fn a_failed_and_a_successful_sign_in_are_on_record() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    app.anonymous().post("/v1/sessions", credentials(owner.email(), "wrong")).await.assert_status(401);
    let mut database = app.owner().await;
    let rows = database.run("SELECT action FROM audit_events WHERE action LIKE 'authn_login_%' ORDER BY id", []).await;
    let actions: Vec<String> = rows.unwrap().iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(actions, ["authn_login_success", "authn_login_fail"]);
}

/// OWASP ASVS 7.4.1.
#[tokio::test]
async fn a_deleted_session_is_refused_at_once() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent.get("/v1/me").await.assert_status(200);
    agent.delete("/v1/sessions/current").await.assert_status(204);
    agent.get("/v1/me").await.assert_problem(401, "unauthenticated");
    agent.delete("/v1/sessions/current").await.assert_problem(401, "unauthenticated");
}

/// OWASP ASVS 7.3.2.
#[tokio::test]
async fn a_session_ends_by_itself() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + time::Duration::days(20_000));
    let app = TestApp::builder(app::platform()).clock(clock.clone()).start().await;
    let agent = app.actor(Agent).await;
    clock.advance(time::Duration::hours(8) - time::Duration::SECOND);
    agent.get("/v1/me").await.assert_status(200);
    clock.advance(time::Duration::SECOND);
    agent.get("/v1/me").await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_inactive_account_is_shut_out() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent.get("/v1/me").await.assert_status(200);
    app.owner().await.run("UPDATE users SET active = false WHERE id = $1", [agent.user().uuid().into()]).await.unwrap();
    app.anonymous()
        .post("/v1/sessions", credentials(agent.email(), PASSWORD))
        .await
        .assert_problem(401, "invalid_credentials");
}
