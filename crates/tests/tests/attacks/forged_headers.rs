//! Forged headers about a client's identity and address.

use mainstay::http::Method;
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::{Builder, TestApp};
use serde_json::{Value, json};

const FORWARDED: &str = "198.51.100.1, 203.0.113.9";

/// Creates a customer with forged headers, and returns its audit record and its creator.
async fn recorded(builder: Builder) -> (Value, String) {
    let app = builder.start().await;
    let owner = app.actor(Owner).await;
    let call = owner.request(Method::POST, "/v1/customers");
    let call = call
        .header("x-forwarded-for", FORWARDED)
        .header("forwarded", "for=198.51.100.1");
    let call = call
        .header("x-real-ip", "198.51.100.1")
        .header("x-user-id", "018f3b6c-0000-7000-8000-000000000000");

    let call = call.header("x-request-id", "018f3b6c-0000-7000-8000-000000000000");
    let made = call
        .json(&json!({ "full_name": "Ada", "email": "ada@example.org" }))
        .send()
        .await;
    let request = made.assert_status(201).header("x-request-id").to_owned();

    assert_ne!(
        request, "018f3b6c-0000-7000-8000-000000000000",
        "the client chose the request id"
    );

    let events = owner
        .get(&format!("/v1/audit/events?request_id={request}"))
        .await
        .json();

    (events["items"][0].clone(), owner.user().to_string())
}

/// OWASP ASVS 4.1.3.
#[tokio::test]
async fn a_client_cannot_choose_its_address_or_request_id() {
    let (event, user) = recorded(TestApp::builder(fixture::platform())).await;
    assert_eq!(event["action"], "customer.created", "{event}");
    assert_eq!(
        (&event["address"], &event["actor_id"]),
        (&json!("127.0.0.1"), &json!(user)),
        "{event}"
    );
}

/// OWASP ASVS 15.3.4: from a trusted proxy the last address is used, which the proxy saw itself.
#[tokio::test]
async fn the_last_address_of_a_trusted_proxy_is_used() {
    let trusting =
        TestApp::builder(fixture::platform()).setting("http.trusted_proxies", "127.0.0.0/8");
    let (event, user) = recorded(trusting).await;
    assert_eq!(
        (&event["address"], &event["actor_id"]),
        (&json!("203.0.113.9"), &json!(user)),
        "{event}"
    );
}

/// A client's own entries (invalid bytes, more lines, ports) do not affect the entry that the proxy
/// appends.
#[tokio::test]
async fn a_proxys_entry_is_used_after_any_client_entry() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .start()
        .await;
    let owner = app.actor(Owner).await;

    for (n, lines) in [
        vec!["\u{e9}, 203.0.113.9"],
        vec!["198.51.100.1", "203.0.113.9:4711"],
        vec!["unknown, [::ffff:203.0.113.9]:80"],
    ]
    .into_iter()
    .enumerate()
    {
        let mut call = owner.request(Method::POST, "/v1/customers");
        for line in lines {
            call = call.header("x-forwarded-for", line);
        }

        let body = json!({ "full_name": "Ada", "email": format!("ada{n}@example.org") });
        let made = call.json(&body).send().await;
        let request = made.assert_status(201).header("x-request-id").to_owned();
        let events = owner
            .get(&format!("/v1/audit/events?request_id={request}"))
            .await
            .json();

        assert_eq!(events["items"][0]["address"], "203.0.113.9", "{events}");
    }
}

/// RFC 7239, where the settings say that proxies write it; `X-Forwarded-For` is then ignored.
#[tokio::test]
async fn forwarded_is_used_where_the_settings_say_so() {
    let builder =
        TestApp::builder(fixture::platform()).setting("http.trusted_proxies", "127.0.0.0/8");
    let (event, _) = recorded(builder.setting("http.forwarded_by", "forwarded")).await;
    assert_eq!(event["address"], "198.51.100.1", "{event}");
}

/// DNS rebinding: a foreign host name that resolves to this service is refused on every path.
#[tokio::test]
async fn a_foreign_host_is_refused_where_hosts_are_configured() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.allowed_hosts", "localhost,127.0.0.1")
        .start()
        .await;

    for path in ["/v1/me", "/docs", "/account/sign-in", "/nothing"] {
        let foreign = app
            .anonymous()
            .request(Method::GET, path)
            .header("host", "evil.example")
            .send()
            .await;

        foreign.assert_problem(421, "misdirected_request");

        let own = app
            .anonymous()
            .request(Method::GET, path)
            .header("host", "localhost:1")
            .send()
            .await;

        assert_ne!(own.status, 421, "{path}");
    }
}
