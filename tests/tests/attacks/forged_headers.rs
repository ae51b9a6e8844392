//! Headers by which a client says who it is and where it comes from.

use mainstay::http::Method;
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::{Builder, TestApp};
use serde_json::{Value, json};

const FORWARDED: &str = "198.51.100.1, 203.0.113.9";

/// Creates a customer with forged headers, and gives the audit log's record of it and who created it.
async fn recorded(builder: Builder) -> (Value, String) {
    let app = builder.start().await;
    let owner = app.actor(Owner).await;
    let call = owner.request(Method::POST, "/v1/customers");
    let call = call.header("x-forwarded-for", FORWARDED).header("forwarded", "for=198.51.100.1");
    let call = call.header("x-real-ip", "198.51.100.1").header("x-user-id", "018f3b6c-0000-7000-8000-000000000000");
    let call = call.header("x-request-id", "018f3b6c-0000-7000-8000-000000000000");
    let made = call.json(&json!({ "full_name": "Ada", "email": "ada@example.org" })).send().await;
    let request = made.assert_status(201).header("x-request-id").to_owned();
    assert_ne!(request, "018f3b6c-0000-7000-8000-000000000000", "the client has chosen its request's id");
    let events = owner.get(&format!("/v1/audit/events?request_id={request}")).await.json();
    (events["items"][0].clone(), owner.user().to_string())
}

/// OWASP ASVS 4.1.3.
#[tokio::test]
async fn a_client_chooses_neither_its_address_nor_its_name() {
    let (event, user) = recorded(TestApp::builder(app::platform())).await;
    assert_eq!(event["action"], "customer.created", "{event}");
    assert_eq!((&event["address"], &event["actor_id"]), (&json!("127.0.0.1"), &json!(user)), "{event}");
}

/// OWASP ASVS 15.3.4: of a trusted proxy the last address is believed, the one that it saw itself.
#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let trusting = TestApp::builder(app::platform()).setting("http.trusted_proxies", "127.0.0.0/8");
    let (event, user) = recorded(trusting).await;
    assert_eq!((&event["address"], &event["actor_id"]), (&json!("203.0.113.9"), &json!(user)), "{event}");
}
