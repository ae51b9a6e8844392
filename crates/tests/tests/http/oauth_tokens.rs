//! Claims of access tokens, and error responses for OAuth clients.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay::access::BuiltInRole::{Agent, Owner};
use mainstay_http::Method;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{
    oauth_support::{
        authorize_and_exchange, bearer, post_form, register, request, text, token, with,
    },
    start,
};

fn claims(token: &Value) -> Value {
    let part = text(token).split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn introspect(app: &TestApp, client: &Value, token: &Value) -> Value {
    let fields = [
        ("client_id", text(&client["client_id"])),
        ("client_secret", text(&client["client_secret"])),
        ("token", text(token)),
    ];
    post_form(&app.anonymous(), "/oauth/introspect", &fields)
        .await
        .assert_status(200)
        .json()
}

/// RFC 9068 §2.2, RFC 7662 §2.2: a token's claims name its client and scope, and introspection
/// returns the same.
#[tokio::test]
async fn every_access_token_names_its_client_and_its_scope() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    register(&app, "shop").await;

    let role = json!({ "name": "gateway", "permissions": ["tokens.introspect"] });
    owner.post("/v1/roles", role).await.assert_status(201);

    let account = owner
        .post(
            "/v1/service-accounts",
            json!({ "name": "gateway", "role": "gateway" }),
        )
        .await
        .location();

    let gateway = owner
        .post(&format!("{account}/secrets"), json!({}))
        .await
        .assert_status(201)
        .json();

    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", text(&gateway["client_id"])),
        ("client_secret", text(&gateway["client_secret"])),
    ];

    let body = json!({ "email": agent.email(), "password": PASSWORD });
    let session = app
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();

    let refreshed = json!({ "refresh_token": session["refresh_token"] });
    let refreshed = app
        .anonymous()
        .post("/v1/sessions/current/refresh", refreshed)
        .await
        .assert_status(200)
        .json();

    let role = agent.get("/v1/me").await.json()["permissions"].clone();
    let role: Vec<_> = role.as_array().unwrap().iter().map(text).collect();
    let least = authorize_and_exchange(&app, &agent, request("shop")).await;

    let narrow = authorize_and_exchange(
        &app,
        &agent,
        with(request("shop"), "scope", "customers.read profile"),
    )
    .await;

    for (tokens, client, scope) in [
        (&session, "http://localhost:8000", role.join(" ")),
        (&refreshed, "http://localhost:8000", role.join(" ")),
        (&least, "shop", "profile".to_owned()),
        (&narrow, "shop", "customers.read profile".to_owned()),
        (
            &token(&app, &fields).await.json(),
            text(&gateway["client_id"]),
            "tokens.introspect".to_owned(),
        ),
    ] {
        let claims = claims(&tokens["access_token"]);
        assert_eq!(
            (text(&claims["client_id"]), text(&claims["scope"])),
            (client, scope.as_str())
        );

        let shown = introspect(&app, &gateway, &tokens["access_token"]).await;
        assert_eq!(
            (text(&shown["client_id"]), text(&shown["scope"])),
            (client, scope.as_str())
        );
        assert_eq!(
            (&shown["aud"], &shown["iss"]),
            (&claims["aud"], &claims["iss"])
        );
    }

    // A refresh with a narrower scope: the token says so, and introspection too.
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "shop"),
        ("refresh_token", text(&narrow["refresh_token"])),
        ("scope", "profile"),
    ];

    let narrower = token(&app, &refresh).await.assert_status(200).json();
    assert_eq!(
        (
            &claims(&narrower["access_token"])["scope"],
            &narrower["scope"]
        ),
        (&json!("profile"), &json!("profile"))
    );
    assert_eq!(
        introspect(&app, &gateway, &narrower["access_token"]).await["scope"],
        "profile"
    );
    assert_eq!(
        introspect(&app, &gateway, &narrower["refresh_token"]).await["scope"],
        "customers.read profile"
    );
    bearer(&app, &narrower)
        .get("/v1/customers")
        .await
        .assert_status(403);
}

/// RFC 6749 §5.2: strict clients expect errors as `application/json`. The body is also a problem
/// (RFC 9457).
#[tokio::test]
async fn every_oauth_error_is_plain_json() {
    let app = start().await;
    let form = "application/x-www-form-urlencoded";

    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let post = |content_type: &str, body: &str| {
            let call = app
                .anonymous()
                .request(Method::POST, path)
                .header("content-type", content_type);
            call.body(body.to_owned())
        };

        let huge = format!("token={}", "x".repeat(2 << 20));

        for (call, status, error) in [
            (post(form, ""), 400, "invalid_request"),
            (
                post(form, "grant_type=%FF&token=%FF"),
                400,
                "invalid_request",
            ),
            (
                post(form, "token=a&token=b&grant_type=a&grant_type=b"),
                400,
                "invalid_request",
            ),
            (
                post(
                    form,
                    "client_id=a&client_id=b&token=x&grant_type=refresh_token",
                ),
                400,
                "invalid_request",
            ),
            (
                post(form, "token=x&grant_type=refresh_token&client_id=unknown"),
                401,
                "invalid_client",
            ),
            (post("application/json", "{}"), 415, "invalid_request"),
            (post(form, &huge), 413, "invalid_request"),
            (
                app.anonymous().request(Method::GET, path),
                405,
                "invalid_request",
            ),
            (
                app.anonymous().request(Method::PUT, path),
                405,
                "invalid_request",
            ),
        ] {
            let answer = call.send().await;
            answer.assert_status(status);

            let body = answer.json();
            assert_eq!(
                answer.header("content-type"),
                "application/json",
                "{path}: {body}"
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(
                (&body["error"], &body["status"]),
                (&json!(error), &json!(status)),
                "{path}: {body}"
            );
            assert_eq!(body["request_id"], answer.header("x-request-id"));

            let description = text(&body["error_description"]);
            let allowed =
                |letter: char| matches!(letter, ' '..='~') && !['"', '\\'].contains(&letter);

            assert!(
                !description.is_empty() && description.chars().all(allowed),
                "{path}: {description}"
            );

            // RFC 6749 §5.2, RFC 7235: client authentication is missing or failed.
            assert_eq!(
                status == 401,
                answer.header("www-authenticate").starts_with("Basic "),
                "{path}: {body}"
            );
        }
    }

    let document = app.anonymous().get("/openapi.json").await.json();
    let refusal = &document["paths"]["/oauth/token"]["post"]["responses"]["400"]["content"];
    assert!(
        refusal["application/json"].is_object() && refusal["application/problem+json"].is_null(),
        "{refusal}"
    );
}

/// RFC 6749 §2.3.1, RFC 9110 §11.4.
#[tokio::test]
async fn basic_authentication_is_accepted_in_any_spelling() {
    use base64::engine::general_purpose::STANDARD;

    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = owner
        .post(
            "/v1/service-accounts",
            json!({ "name": "a", "role": "agent" }),
        )
        .await
        .location();

    let secret = owner
        .post(&format!("{account}/secrets"), json!({}))
        .await
        .assert_status(201)
        .json();

    let encoded = STANDARD.encode(format!(
        "{}:{}",
        text(&secret["client_id"]),
        text(&secret["client_secret"])
    ));

    for header in [
        format!("Basic {encoded}"),
        format!("basic   {encoded}"),
        format!("BASIC  {encoded}"),
    ] {
        let call = app
            .anonymous()
            .request(Method::POST, "/oauth/token")
            .header("authorization", &header);
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        call.body("grant_type=client_credentials")
            .send()
            .await
            .assert_status(200);
    }
}
