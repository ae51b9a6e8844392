//! `/v1/api-keys`, `/v1/organization/api-keys`: the permissions of a key, and how it ends.

use std::process::{Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay::access::BuiltInRole::{Agent, Owner};
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, Client, TestApp};
use serde_json::{Value, json};

use crate::{customer, start};

/// Creates a key.
pub async fn new_key(by: &Actor, body: Value) -> Value {
    by.post("/v1/api-keys", body)
        .await
        .assert_status(201)
        .json()
}

/// A client that sends a key as a bearer token.
pub fn with(app: &TestApp, key: &Value) -> Client {
    app.anonymous().with_token(key["key"].as_str().unwrap())
}

async fn basic(app: &TestApp, user: &str, password: &str) -> Answer {
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    let call = app.anonymous().request(Method::GET, "/v1/me");
    call.header("authorization", &format!("Basic {credentials}"))
        .send()
        .await
}

#[tokio::test]
async fn a_key_acts_for_its_owner() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let answer = agent
        .post("/v1/api-keys", json!({ "name": "laptop" }))
        .await;
    let made = answer.assert_status(201).json();

    assert_eq!(
        answer.location(),
        format!("/v1/api-keys/{}", made["id"].as_str().unwrap())
    );

    let key = made["key"].as_str().unwrap();
    let id = made["id"].as_str().unwrap().replace('-', "");
    assert!(
        key.starts_with(&format!("mak_{id}_")) && key.len() == 86,
        "{key}"
    );
    assert!(
        key.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_'),
        "{key}"
    );

    let me = with(&app, &made)
        .get("/v1/me")
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        (&me["user_id"], &me["session_id"]),
        (&json!(agent.user()), &made["id"])
    );
    create_customer(&with(&app, &made)).await.assert_status(201);

    // OWASP ASVS 6.3.7.
    let letter = app.mail_to(agent.email()).await;
    assert!(
        letter.subject.contains("API key was created") && letter.text.contains("laptop"),
        "{letter:?}"
    );

    // Its actions are recorded with the key.
    let owner = app.actor(Owner).await;
    let records = owner
        .get("/v1/audit/events?action=customer.created")
        .await
        .json();

    assert_eq!(records["items"][0]["session_id"], made["id"]);
    assert_eq!(records["items"][0]["actor_id"], json!(agent.user()));

    let records = owner
        .get("/v1/audit/events?action=authn_token_created")
        .await
        .json();
    assert_eq!(
        (
            &records["items"][0]["resource"],
            &records["items"][0]["resource_id"]
        ),
        (&json!("api_key"), &made["id"])
    );
}

async fn create_customer(by: &Client) -> Answer {
    by.post("/v1/customers", customer("Ada", "ada@example.org"))
        .await
}

#[tokio::test]
async fn a_key_is_accepted_as_bearer_token_or_basic_password_only() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let made = new_key(&agent, json!({ "name": "curl" })).await;
    let key = made["key"].as_str().unwrap();

    basic(&app, "", key).await.assert_status(200);
    basic(&app, "anyone", key).await.assert_status(200);

    // OWASP ASVS 14.2.1: nothing secret in a URL.
    for name in ["access_token", "api_key", "key"] {
        app.anonymous()
            .get(&format!("/v1/me?{name}={key}"))
            .await
            .assert_problem(401, "unauthenticated");
    }
    basic(&app, key, "")
        .await
        .assert_problem(401, "unauthenticated");
    basic(&app, "", agent.token())
        .await
        .assert_problem(401, "unauthenticated");

    // A key is stored like a session, but is not accepted as a cookie.
    with(&app, &made).get("/v1/me").await.assert_status(200);

    for value in [
        key.to_owned(),
        format!("{}.{key}", made["id"].as_str().unwrap()),
    ] {
        let call = app.anonymous().request(Method::GET, "/v1/me");
        let answer = call
            .header("cookie", &format!("__Host-session={value}"))
            .send()
            .await;
        answer.assert_problem(401, "unauthenticated");
    }
}

/// Skipped where curl is missing.
#[tokio::test]
async fn curl_calls_with_a_key_as_password() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let made = new_key(&agent, json!({ "name": "curl" })).await;
    let url = format!("http://{}/v1/me", app.address());
    let user = format!(":{}", made["key"].as_str().unwrap());

    let run = move || {
        Command::new("curl")
            .args(["--silent", "--noproxy", "*", "--user", &user, &url])
            .stdin(Stdio::null())
            .output()
    };

    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let Ok(output) = output else { return };

    let me: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(me["user_id"], json!(agent.user()));
}

/// OWASP ASVS 11.5.1: only the exact key is accepted.
#[tokio::test]
async fn a_key_with_any_change_is_refused() {
    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Owner).await);
    let made = new_key(&agent, json!({ "name": "a" })).await;
    let others = new_key(&other, json!({ "name": "b" })).await;

    with(&app, &made).get("/v1/me").await.assert_status(200);

    let (key, foreign) = (
        made["key"].as_str().unwrap(),
        others["key"].as_str().unwrap(),
    );

    for at in 0..key.len() {
        let mut altered = key.as_bytes().to_vec();
        altered[at] = if altered[at] == b'x' { b'y' } else { b'x' };
        let altered = String::from_utf8(altered).unwrap();
        app.anonymous()
            .with_token(&altered)
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
    }

    for wrong in [
        &key[..37],
        &key[..85],
        &format!("{key}0"),
        &format!("{}{}", &key[..37], &foreign[37..]),
        "mak_",
    ] {
        app.anonymous()
            .with_token(wrong)
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
    }
}

/// The checksum is not a secret: a valid checksum without the right secret is refused, even for an
/// existing key.
#[tokio::test]
async fn a_wrong_secret_with_a_valid_checksum_is_refused() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let made = new_key(&agent, json!({ "name": "a" })).await;
    let key = made["key"].as_str().unwrap();
    let forged = with_checksum(&format!("{}{}", &key[..37], "0".repeat(43)));

    assert_eq!(with_checksum(&key[..80]), key);

    for _ in 0..2 {
        app.anonymous()
            .with_token(&forged)
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
        // Now the key is cached, and compared in memory.
        with(&app, &made).get("/v1/me").await.assert_status(200);
    }
}

/// Appends the checksum of a key to a text.
fn with_checksum(text: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }

    let mut rest = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(DIGITS[rest as usize % 62]));
        rest /= 62;
    }

    format!("{text}{}", digits.into_iter().rev().collect::<String>())
}

/// OWASP ASVS 8.2.1; API Security Top 10 2023, API5.
#[tokio::test]
async fn scopes_narrow_a_key_and_never_widen_it() {
    let app = start().await;
    let (agent, owner) = (app.actor(Agent).await, app.actor(Owner).await);
    let reader = new_key(
        &agent,
        json!({ "name": "reader", "scopes": ["customers.read"] }),
    )
    .await;

    let reader = with(&app, &reader);
    reader.get("/v1/customers").await.assert_status(200);
    create_customer(&reader)
        .await
        .assert_problem(403, "forbidden");
    assert_eq!(
        reader.get("/v1/me").await.json()["permissions"],
        json!(["customers.read"])
    );

    // No one can create a key with permissions that they do not have, and each attempt is recorded.
    for beyond in [
        "audit.read",
        "customers.delete",
        "no.such.permission",
        "customers.*",
        "CUSTOMERS.READ",
    ] {
        let body = json!({ "name": "more", "scopes": ["customers.read", beyond] });
        agent
            .post("/v1/api-keys", body)
            .await
            .assert_problem(403, "privilege_exceeds_own");
    }

    let records = owner.get("/v1/audit/events?action=authz_fail").await.json();
    assert!(
        records["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["operation"] == "create_api_key"),
        "{records}"
    );
    agent
        .post("/v1/api-keys", json!({ "name": "none", "scopes": [] }))
        .await
        .assert_problem(422, "invalid_input");
}
