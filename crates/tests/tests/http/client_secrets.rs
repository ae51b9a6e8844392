//! Client secrets of service accounts at the token endpoint.

use mainstay::{
    access::BuiltInRole::Owner,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Actor, Answer, Client, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::{oauth_support::token, people::within_a_second, start};

/// Creates a service account and returns its path.
async fn new_account(by: &Actor) -> String {
    let body = json!({ "name": "export", "role": "agent" });
    by.post("/v1/service-accounts", body)
        .await
        .assert_status(201)
        .location()
}

/// Creates a secret and returns its path and the response.
async fn new_secret(by: &Actor, account: &str, body: Value) -> (String, Value) {
    let answer = by.post(&format!("{account}/secrets"), body).await;
    (answer.assert_status(201).location(), answer.json())
}

/// Requests a token with a client's id and secret.
async fn ask(app: &TestApp, id: &Value, secret: &Value) -> Answer {
    let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
    token(
        app,
        &[
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
        ],
    )
    .await
}

async fn ask_with(app: &TestApp, made: &Value) -> Answer {
    ask(app, &made["client_id"], &made["client_secret"]).await
}

async fn client(app: &TestApp, made: &Value) -> Client {
    let tokens = ask_with(app, made).await.assert_status(200).json();
    app.anonymous()
        .with_token(tokens["access_token"].as_str().unwrap())
}

/// OWASP ASVS 13.3.4: secrets can be rotated while both are valid, and the use of each is shown.
#[tokio::test]
async fn a_service_account_gets_tokens_with_any_of_its_secrets() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = new_account(&owner).await;
    for _ in 0..2 {
        let (path, made) = new_secret(&owner, &account, json!({})).await;
        let me = client(&app, &made)
            .await
            .get("/v1/me")
            .await
            .assert_status(200)
            .json();

        assert_eq!(
            (&me["user_id"], &me["role"]),
            (&made["client_id"], &json!("agent"))
        );
        assert_eq!(
            owner.get(&path).await.assert_status(200).json()["id"],
            made["id"]
        );
    }
}

/// OWASP ASVS 10.4.10: the client is authenticated.
#[tokio::test]
async fn only_the_right_secret_of_the_right_account_gives_a_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let (_, made) = new_secret(&owner, &new_account(&owner).await, json!({})).await;
    let (_, other) = new_secret(&owner, &new_account(&owner).await, json!({})).await;
    let key = owner
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    let text = made["client_secret"].as_str().unwrap();
    let digit = if text.ends_with('0') { "1" } else { "0" };
    let altered = json!(format!("{}{digit}", &text[..text.len() - 1]));

    for (id, secret) in [
        (&made["client_id"], &other["client_secret"]),
        (&other["client_id"], &made["client_secret"]),
        (&json!(owner.user()), &made["client_secret"]),
        (
            &json!("018f3b6c-0000-7000-8000-000000000000"),
            &made["client_secret"],
        ),
        (&json!("no-id"), &made["client_secret"]),
        (&made["client_id"], &altered),
        (&made["client_id"], &json!(text[..text.len() - 1])),
        (&made["client_id"], &made["client_id"]),
        (&json!(owner.user()), &key["key"]),
    ] {
        ask(&app, id, secret)
            .await
            .assert_problem(401, "invalid_client");
    }

    ask_with(&app, &made).await.assert_status(200);
}

/// OWASP ASVS 7.4.1, 7.4.2: revoking a leaked secret revokes its tokens on every replica.
#[tokio::test]
async fn a_revoked_secret_revokes_its_tokens() {
    let app = start().await;
    let replica = app.second_replica().await;
    let owner = app.actor(Owner).await;
    let account = new_account(&owner).await;
    let (path, leaked) = new_secret(&owner, &account, json!({})).await;
    let (_, next) = new_secret(&owner, &account, json!({})).await;
    let local = client(&app, &leaked).await;

    let remote = replica.client_of(&local);
    remote.get("/v1/me").await.assert_status(200);
    owner.delete(&path).await.assert_status(204);
    local
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    ask_with(&app, &leaked)
        .await
        .assert_problem(401, "invalid_client");
    client(&app, &next)
        .await
        .get("/v1/me")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_secret_expires() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let owner = app.actor(Owner).await;
    let account = new_account(&owner).await;

    let (_, short) = new_secret(&owner, &account, json!({ "expires_in_days": 1 })).await;
    let (_, usual) = new_secret(&owner, &account, json!({})).await;
    clock.advance(Duration::DAY - Duration::SECOND);

    ask_with(&app, &short).await.assert_status(200);

    clock.advance(Duration::SECOND);
    ask_with(&app, &short)
        .await
        .assert_problem(401, "invalid_client");
    ask_with(&app, &usual).await.assert_status(200);
}

/// A secret and its tokens end with the account's membership.
#[tokio::test]
async fn a_deactivated_or_removed_account_gets_no_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = new_account(&owner).await;
    let (_, made) = new_secret(&owner, &account, json!({})).await;
    let fetched = client(&app, &made).await;

    fetched.get("/v1/me").await.assert_status(200);
    owner
        .patch(&account, json!({ "active": false }))
        .await
        .assert_status(200);
    ask_with(&app, &made)
        .await
        .assert_problem(401, "invalid_client");
    fetched
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    owner
        .patch(&account, json!({ "active": true }))
        .await
        .assert_status(200);
    ask_with(&app, &made).await.assert_status(200);

    // The secret does not belong to a new membership.
    let rejoin = r"
        UPDATE memberships
        SET created_at = created_at + interval '1 second'
        WHERE user_id::text = $1
    ";
    app.owner()
        .await
        .run(rejoin, [made["client_id"].as_str().unwrap().into()])
        .await
        .unwrap();

    ask_with(&app, &made)
        .await
        .assert_problem(401, "invalid_client");
    owner.delete(&account).await.assert_status(204);
    ask_with(&app, &made)
        .await
        .assert_problem(401, "invalid_client");
}

#[tokio::test]
async fn a_replica_that_stops_stores_when_a_secret_was_used() {
    let app = start().await;
    let replica = app.second_replica().await;
    let owner = app.actor(Owner).await;
    let (path, made) = new_secret(&owner, &new_account(&owner).await, json!({})).await;

    assert_eq!(owner.get(&path).await.json()["last_used_at"], Value::Null);

    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", made["client_id"].as_str().unwrap()),
        ("client_secret", made["client_secret"].as_str().unwrap()),
    ];

    crate::oauth_support::post_form(&replica.anonymous(), "/oauth/token", &fields)
        .await
        .assert_status(200);

    replica.stop().await;
    assert!(owner.get(&path).await.json()["last_used_at"].is_string());
}
