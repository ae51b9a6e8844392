//! The `Authorization` header, and responses to invalid credentials (RFC 6750, RFC 9110).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay::access::BuiltInRole::{Auditor, Owner};
use mainstay_http::Method;
use mainstay_testing::{Answer, PASSWORD};
use serde_json::json;

use crate::{customer, start};

/// The challenge for an invalid token.
const INVALID: &str = r#"Bearer error="invalid_token""#;

/// RFC 9110 §11.1, §11.4: a scheme is case-insensitive, and one or more spaces follow it.
#[tokio::test]
async fn a_scheme_is_accepted_in_any_spelling() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let key = owner
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    let basic = STANDARD.encode(format!("anything:{}", key["key"].as_str().unwrap()));

    let ask = async |value: &str| {
        app.anonymous()
            .request(Method::GET, "/v1/me")
            .header("authorization", value)
            .send()
            .await
    };

    for right in [
        format!("Bearer {}", owner.token()),
        format!("Bearer  {}", owner.token()),
        format!("bearer     {}", owner.token()),
        format!("BEARER {}", owner.token()),
        format!("Basic {basic}"),
        format!("bAsIc   {basic}"),
    ] {
        ask(&right).await.assert_status(200);
    }

    for wrong in [
        format!("Bearer\t{}", owner.token()),
        format!("Bearer{}", owner.token()),
        owner.token().to_owned(),
    ] {
        ask(&wrong).await.assert_problem(401, "unauthenticated");
    }
}

/// RFC 6750 §3, §3.1: without a credential the challenge names the scheme, with an invalid token it
/// says so.
#[tokio::test]
async fn an_invalid_token_gets_another_challenge_than_none() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    let challenge = |answer: &Answer| {
        answer
            .assert_problem(401, "unauthenticated")
            .header("www-authenticate")
            .to_owned()
    };

    assert_eq!(challenge(&app.anonymous().get("/v1/me").await), "Bearer");

    let key = owner
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    owner
        .delete(&format!("/v1/api-keys/{}", key["id"].as_str().unwrap()))
        .await
        .assert_status(204);

    let body = json!({ "email": owner.email(), "password": PASSWORD });
    let ended = app
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();

    let ended = ended["access_token"].as_str().unwrap();
    app.anonymous()
        .with_token(ended)
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);

    for dead in [
        ended,
        key["key"].as_str().unwrap(),
        "mak_typo",
        "no-token",
        "a.b.c",
    ] {
        assert_eq!(
            challenge(&app.anonymous().with_token(dead).get("/v1/me").await),
            INVALID,
            "{dead}"
        );
    }

    // Another scheme is not reported as an invalid bearer token.
    for (header, other) in [
        ("authorization", "Bearer"),
        ("authorization", "Basic dTpw"),
        ("authorization", "Digest username=x"),
        (
            "cookie",
            "__Host-session=018f3b6c-0000-7000-8000-000000000000.x",
        ),
    ] {
        let answer = app
            .anonymous()
            .request(Method::GET, "/v1/me")
            .header(header, other)
            .send()
            .await;
        assert_eq!(challenge(&answer), "Bearer", "{other}");
    }
}

/// RFC 6750 §3.1: a token without the required scope gets the scope's name.
#[tokio::test]
async fn an_insufficient_token_gets_the_required_scope() {
    let app = start().await;
    let (owner, auditor) = (app.actor(Owner).await, app.actor(Auditor).await);
    let narrow = json!({ "name": "a", "scopes": ["customers.read"] });
    let key = owner
        .post("/v1/api-keys", narrow)
        .await
        .assert_status(201)
        .json();

    let key = app.anonymous().with_token(key["key"].as_str().unwrap());
    let body = customer("Ada", "ada@example.org");
    for refused in [
        key.post("/v1/customers", body.clone()).await,
        auditor.post("/v1/customers", body.clone()).await,
    ] {
        let challenge = refused
            .assert_problem(403, "forbidden")
            .header("www-authenticate");
        assert_eq!(
            challenge,
            r#"Bearer error="insufficient_scope", scope="customers.write""#
        );
    }

    // No scope allows what is for the person only.
    let refused = key.get("/v1/sessions").await;
    let challenge = refused
        .assert_problem(403, "forbidden")
        .header("www-authenticate");

    assert_eq!(challenge, r#"Bearer error="insufficient_scope""#);

    // Without a bearer token there is no bearer error.
    let body = json!({ "email": auditor.email(), "password": PASSWORD, "cookie": true });
    let signed_in = app.anonymous().post("/v1/sessions", body).await;
    let cookie = signed_in
        .assert_status(201)
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let call = app
        .anonymous()
        .request(Method::POST, "/v1/customers")
        .header("cookie", &cookie);
    let refused = call
        .header("sec-fetch-site", "same-origin")
        .json(&customer("Ada", "ada@example.org"))
        .send()
        .await;

    assert_eq!(
        refused
            .assert_problem(403, "forbidden")
            .header("www-authenticate"),
        ""
    );
}
