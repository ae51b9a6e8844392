//! External sign-in step by step, as a client does it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use mainstay::kernel::{Clock, Timestamp};
use mainstay_testing::{Answer, Client, OpenIdProvider, Redirected, TestApp};
use serde_json::{Value, json};
use time::Duration;

/// Name of the provider.
pub const ACME: &str = "acme";

/// Starts a service with this provider only.
pub async fn start(provider: &OpenIdProvider) -> TestApp {
    start_with(&[provider.settings(ACME)]).await
}

/// Starts a service with these providers.
pub async fn start_with(providers: &[Value]) -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("identity.oidc_providers", json!(providers).to_string())
        .start()
        .await
}

/// Starts a service and its only provider with a manual clock.
pub async fn start_with_manual_clock() -> (TestApp, OpenIdProvider, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;
    let settings = json!([provider.settings(ACME)]).to_string();
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.oidc_providers", settings)
        .start()
        .await;
    (app, provider, clock)
}

/// The claims of a person.
pub fn person(subject: &str) -> Value {
    json!({ "sub": subject, "email": format!("{subject}@example.com"), "email_verified": true })
}

/// Starts a sign-in.
pub async fn begin(app: &TestApp, provider: &str) -> Value {
    let started = app
        .anonymous()
        .post(
            "/v1/external-authorizations",
            json!({ "provider": provider }),
        )
        .await;
    started.assert_status(200).json()
}

/// Starts to link an identity.
pub async fn begin_link(by: &Client, provider: &str) -> Value {
    let started = by
        .post(
            "/v1/me/external-authorizations",
            json!({ "provider": provider }),
        )
        .await;
    started.assert_status(200).json()
}

/// Signs in the person with `claims` at the provider.
pub fn through(provider: &OpenIdProvider, started: &Value, claims: Value) -> Redirected {
    provider.authorize(text(&started["authorization_url"]), claims)
}

/// The body with which the client that started the flow completes it.
pub fn callback(started: &Value, back: &Redirected) -> Value {
    let mut body = json!({ "provider": ACME, "state": back.state, "code": back.code, "binding": started["binding"] });
    if let Some(issuer) = &back.iss {
        body["iss"] = issuer.as_str().into();
    }
    body
}

/// Completes a sign-in.
pub async fn finish(app: &TestApp, body: Value) -> Answer {
    app.anonymous().post("/v1/external-sessions", body).await
}

/// Runs a whole sign-in.
pub async fn sign_in(app: &TestApp, provider: &OpenIdProvider, claims: Value) -> Answer {
    let started = begin(app, ACME).await;
    let back = through(provider, &started, claims);
    finish(app, callback(&started, &back)).await
}

/// Links the identity of `claims` to the account of `by`.
pub async fn link(by: &Client, provider: &OpenIdProvider, claims: Value) -> Answer {
    let started = begin_link(by, ACME).await;
    let back = through(provider, &started, claims);
    by.post("/v1/me/external-identities", callback(&started, &back))
        .await
}

/// The client that this response signed in.
pub fn signed_in(app: &TestApp, answer: &Answer) -> Client {
    let session = answer.assert_status(201).json();
    app.anonymous().with_token(text(&session["access_token"]))
}

/// Id of the client's account.
pub async fn user_of(client: &Client) -> String {
    text(&client.get("/v1/me").await.assert_status(200).json()["user_id"]).to_owned()
}

/// A text member of a response.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
