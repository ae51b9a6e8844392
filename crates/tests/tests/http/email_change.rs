//! `PUT /v1/me/email`, `POST /v1/me/email/confirmation`.

use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

use crate::start;

const NEW: &str = "new@example.org";

async fn ask(agent: &Actor, email: &str) {
    agent
        .put("/v1/me/email", json!({ "email": email }))
        .await
        .assert_status(202);
}

async fn confirm(app: &TestApp, token: &str) -> Answer {
    app.anonymous()
        .post("/v1/me/email/confirmation", json!({ "token": token }))
        .await
}

#[tokio::test]
async fn an_address_changes_once_both_have_confirmed_it() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    ask(&agent, NEW).await;

    let (old_token, new_token) = (
        app.mail_to(agent.email()).await.link_token(),
        app.mail_to(NEW).await.link_token(),
    );
    assert_eq!(
        confirm(&app, &new_token).await.assert_status(200).json()["applied"],
        false
    );
    assert_eq!(agent.get("/v1/me").await.json()["email"], agent.email());

    // Each address must confirm for itself.
    assert_eq!(
        confirm(&app, &new_token).await.assert_status(200).json()["applied"],
        false
    );
    assert_eq!(
        confirm(&app, &old_token).await.assert_status(200).json()["applied"],
        true
    );
    assert_eq!(agent.get("/v1/me").await.json()["email"], NEW);

    let sign_in = async |email: &str| {
        app.anonymous()
            .post(
                "/v1/sessions",
                json!({ "email": email, "password": PASSWORD }),
            )
            .await
    };

    sign_in(NEW).await.assert_status(201);
    sign_in(agent.email())
        .await
        .assert_problem(401, "invalid_credentials");
    assert!(
        app.mail_to(agent.email())
            .await
            .subject
            .contains("was changed")
    );
    for used in [old_token, new_token] {
        confirm(&app, &used)
            .await
            .assert_problem(422, "invalid_token");
    }
}

#[tokio::test]
async fn a_later_change_replaces_an_earlier_one_and_links_expire() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let agent = app.actor(Agent).await;

    ask(&agent, "first@example.org").await;
    let first = app.mail_to("first@example.org").await.link_token();
    ask(&agent, NEW).await;

    confirm(&app, &first)
        .await
        .assert_problem(422, "invalid_token");

    let new_token = app.mail_to(NEW).await.link_token();
    clock.advance(Duration::hours(1));
    confirm(&app, &new_token)
        .await
        .assert_problem(422, "invalid_token");
}

/// OWASP ASVS 6.3.8: the response does not reveal whether another account has the address, which
/// cannot be taken.
#[tokio::test]
async fn an_address_of_another_account_cannot_be_taken() {
    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    ask(&agent, other.email()).await;
    let old_token = app.mail_to(agent.email()).await.link_token();
    let mail = app.mail_to(other.email()).await;
    assert!(!mail.text.contains("#token="), "{mail:?}");
    assert_eq!(
        confirm(&app, &old_token).await.assert_status(200).json()["applied"],
        false
    );
    assert_eq!(other.get("/v1/me").await.json()["email"], other.email());
}

/// When two accounts request the same free address, one gets it.
#[tokio::test]
async fn two_accounts_cannot_change_to_the_same_address() {
    let app = start().await;
    let (one, other) = (app.actor(Agent).await, app.actor(Agent).await);
    ask(&one, NEW).await;

    let mine = [
        app.mail_to(one.email()).await.link_token(),
        app.mail_to(NEW).await.link_token(),
    ];

    ask(&other, NEW).await;
    let theirs = [
        app.mail_to(other.email()).await.link_token(),
        app.mail_to(NEW).await.link_token(),
    ];

    for token in &mine {
        confirm(&app, token).await.assert_status(200);
    }
    confirm(&app, &theirs[0]).await.assert_status(200);
    confirm(&app, &theirs[1])
        .await
        .assert_problem(422, "invalid_token");
    assert_eq!(one.get("/v1/me").await.json()["email"], NEW);
    assert_eq!(other.get("/v1/me").await.json()["email"], other.email());
}
