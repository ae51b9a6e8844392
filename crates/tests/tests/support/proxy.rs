//! Requests from any client address, through a trusted proxy.

#![allow(dead_code, reason = "not every test target uses all of it")]

use mainstay::{
    http::Method,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Answer, Client, TestApp};
use serde_json::{Value, json};
use time::Duration;

/// Starts a service with a manual clock that trusts a proxy on the loopback, so that a test can use
/// any client address.
pub async fn start_behind_proxy() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .start()
        .await;

    (app, clock)
}

/// Tries to sign in from the address `from`.
pub async fn sign_in_from(client: &Client, email: &str, password: &str, from: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    post_from(client, "/v1/sessions", body, from).await
}

/// Sends a JSON body from the address `from`.
pub async fn post_from(client: &Client, path: &str, body: Value, from: &str) -> Answer {
    client
        .request(Method::POST, path)
        .header("x-forwarded-for", from)
        .json(&body)
        .send()
        .await
}
