//! Signing in by a provider, step by step, as a client does it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use mainstay::kernel::{Clock, Timestamp};
use mainstay_testing::{Answer, Client, OpenIdProvider, Redirected, TestApp};
use serde_json::{Value, json};
use time::Duration;

/// What the provider is called.
pub const ACME: &str = "acme";

/// A service whose only provider is this one.
pub async fn start(provider: &OpenIdProvider) -> TestApp {
    start_with(&[provider.settings(ACME)]).await
}

/// A service with these providers.
pub async fn start_with(providers: &[Value]) -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("identity.oidc_providers", json!(providers).to_string())
        .start()
        .await
}

/// A service and its only provider, at an hour that stands still until it is moved on.
pub async fn start_at_rest() -> (TestApp, OpenIdProvider, Clock) {
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

/// A person as a provider knows them.
pub fn person(subject: &str) -> Value {
    json!({ "sub": subject, "email": format!("{subject}@example.com"), "email_verified": true })
}

/// Begins a sign-in.
pub async fn begin(app: &TestApp, provider: &str) -> Value {
    let begun = app
        .anonymous()
        .post(
            "/v1/external-authorizations",
            json!({ "provider": provider }),
        )
        .await;
    begun.assert_status(200).json()
}

/// Begins to link an identity.
pub async fn begin_link(by: &Client, provider: &str) -> Value {
    let begun = by
        .post(
            "/v1/me/external-authorizations",
            json!({ "provider": provider }),
        )
        .await;
    begun.assert_status(200).json()
}

/// Sends the person of `claims` through the provider.
pub fn through(provider: &OpenIdProvider, begun: &Value, claims: Value) -> Redirected {
    provider.authorize(text(&begun["authorization_url"]), claims)
}

/// What a client that began it shows in the end.
pub fn callback(begun: &Value, back: &Redirected) -> Value {
    let mut body = json!({ "provider": ACME, "state": back.state, "code": back.code, "binding": begun["binding"] });
    if let Some(issuer) = &back.iss {
        body["iss"] = issuer.as_str().into();
    }
    body
}

/// Ends a sign-in.
pub async fn finish(app: &TestApp, body: Value) -> Answer {
    app.anonymous().post("/v1/external-sessions", body).await
}

/// A whole sign-in.
pub async fn sign_in(app: &TestApp, provider: &OpenIdProvider, claims: Value) -> Answer {
    let begun = begin(app, ACME).await;
    let back = through(provider, &begun, claims);
    finish(app, callback(&begun, &back)).await
}

/// Links the person of `claims` to the account of `by`.
pub async fn link(by: &Client, provider: &OpenIdProvider, claims: Value) -> Answer {
    let begun = begin_link(by, ACME).await;
    let back = through(provider, &begun, claims);
    by.post("/v1/me/external-identities", callback(&begun, &back))
        .await
}

/// Whoever has signed in.
pub fn signed_in(app: &TestApp, answer: &Answer) -> Client {
    let session = answer.assert_status(201).json();
    app.anonymous().with_token(text(&session["access_token"]))
}

/// Whose account it is.
pub async fn user_of(client: &Client) -> String {
    text(&client.get("/v1/me").await.assert_status(200).json()["user_id"]).to_owned()
}

/// A member of an answer that is a text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
