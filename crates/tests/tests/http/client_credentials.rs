//! `POST /oauth/token` for service accounts, and `POST /oauth/introspect`, which only they may
//! call.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    oauth_support::{authorize_and_exchange, post_form, register, request, token},
    start,
};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Creates a service account with a secret: `client_id` and `client_secret`.
async fn new_client(by: &Actor, role: &str) -> Value {
    let account = by
        .post(
            "/v1/service-accounts",
            json!({ "name": "export", "role": role }),
        )
        .await;
    let account = account.assert_status(201).location();
    by.post(&format!("{account}/secrets"), json!({}))
        .await
        .assert_status(201)
        .json()
}

/// Requests a token with the secret in the body.
async fn ask(app: &TestApp, client: &Value, scope: &str) -> Answer {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", text(&client["client_id"])),
        ("client_secret", text(&client["client_secret"])),
        ("scope", scope),
    ];
    token(app, &fields).await
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

#[tokio::test]
async fn a_service_account_gets_its_tokens() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let client = new_client(&owner, "agent").await;
    let tokens = ask(&app, &client, "").await.assert_status(200).json();

    // RFC 6749 §4.4.3: it can request another token at any time.
    assert_eq!(tokens["refresh_token"], Value::Null);

    let machine = app.anonymous().with_token(text(&tokens["access_token"]));
    let me = machine.get("/v1/me").await.assert_status(200).json();
    assert_eq!(
        (&me["name"], &me["role"], &me["user_id"]),
        (&json!("export"), &json!("agent"), &client["client_id"])
    );

    let granted: Vec<_> = me["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();

    assert_eq!(
        tokens["scope"],
        granted.join(" "),
        "the scope is everything that the role grants"
    );
    machine.get("/v1/customers").await.assert_status(200);
    machine
        .get("/v1/sessions")
        .await
        .assert_problem(403, "forbidden");

    let narrowed = ask(&app, &client, "customers.read")
        .await
        .assert_status(200)
        .json();
    assert_eq!(narrowed["scope"], "customers.read");

    let machine = app.anonymous().with_token(text(&narrowed["access_token"]));
    machine
        .post(
            "/v1/customers",
            json!({ "full_name": "Ada", "email": "a@b.example" }),
        )
        .await
        .assert_status(403);

    for wider in [
        "customers.delete",
        "customers.read audit.read",
        "everything",
    ] {
        ask(&app, &client, wider)
            .await
            .assert_problem(400, "invalid_scope");
    }
}

/// RFC 6749 §2.3.1: with Basic or in the body, but not both.
#[tokio::test]
async fn a_secret_is_accepted_in_one_place_only() {
    let app = start().await;
    let client = new_client(&app.actor(Owner).await, "agent").await;
    let (id, secret) = (text(&client["client_id"]), text(&client["client_secret"]));
    let basic =
        |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));

    let ask = async |header: String, body: String| {
        let call = app
            .anonymous()
            .request(Method::POST, "/oauth/token")
            .header("authorization", &header);
        call.header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
    };

    let grant = "grant_type=client_credentials";
    ask(basic(id, secret), grant.to_owned())
        .await
        .assert_status(200);
    ask(basic(id, secret), format!("{grant}&client_id={id}"))
        .await
        .assert_status(200);
    ask(basic(id, secret), format!("{grant}&client_id=docs"))
        .await
        .assert_problem(400, "invalid_request");
    ask(basic(id, secret), format!("{grant}&client_secret={secret}"))
        .await
        .assert_problem(400, "invalid_request");

    let other = new_client(&app.actor(Owner).await, "agent").await;
    let altered = format!("{}x", &secret[..secret.len() - 1]);
    for (id, secret) in [
        (id, ""),
        (id, altered.as_str()),
        (id, text(&other["client_secret"])),
        ("docs", secret),
        ("", ""),
        ("018f3b6c-0000-7000-8000-000000000000", secret),
    ] {
        let refused = ask(basic(id, secret), grant.to_owned()).await;
        assert!(
            refused
                .assert_problem(401, "invalid_client")
                .header("www-authenticate")
                .starts_with("Basic ")
        );
    }

    ask(format!("Bearer {secret}"), grant.to_owned())
        .await
        .assert_problem(401, "invalid_client");

    // A service account's credentials are not a person's, and the other way round.
    for grant in ["authorization_code", "refresh_token"] {
        let answer = ask(
            basic(id, secret),
            format!("grant_type={grant}&code=x&refresh_token=x"),
        )
        .await;
        answer.assert_problem(400, "unauthorized_client");
    }
}

/// OWASP ASVS 7.4.3, 8.3.2: a revoked secret or deleted account gets no more tokens, and its tokens
/// end.
#[tokio::test]
async fn a_revoked_or_deleted_client_is_refused() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let client = new_client(&owner, "agent").await;
    let path = format!("/v1/service-accounts/{}", text(&client["client_id"]));
    let tokens = ask(&app, &client, "").await.assert_status(200).json();
    let machine = app.anonymous().with_token(text(&tokens["access_token"]));

    machine.get("/v1/me").await.assert_status(200);
    owner
        .delete(&format!("{path}/secrets/{}", text(&client["id"])))
        .await
        .assert_status(204);
    ask(&app, &client, "")
        .await
        .assert_problem(401, "invalid_client");
    owner.delete(&path).await.assert_status(204);
    machine
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

/// RFC 7662 §2.2, §4; OWASP ASVS 10.3.1: a client can introspect its own tokens, those of its
/// organization with a permission, and never another organization's.
#[tokio::test]
async fn a_client_introspects_only_tokens_that_it_may_see() {
    let app = start().await;
    register(&app, "shop").await;

    let (owner, agent, stranger) = (
        app.actor(Owner).await,
        app.actor(Agent).await,
        app.stranger(Owner).await,
    );

    for by in [&owner, &stranger] {
        let role = json!({ "name": "gateway", "permissions": ["tokens.introspect"] });
        by.post("/v1/roles", role).await.assert_status(201);
    }

    let (plain, trusted) = (
        new_client(&owner, "agent").await,
        new_client(&owner, "gateway").await,
    );
    let foreign = new_client(&stranger, "gateway").await;
    let own = ask(&app, &plain, "customers.read").await.json();
    let shown = introspect(&app, &plain, &own["access_token"]).await;

    assert_eq!(
        (
            &shown["active"],
            &shown["scope"],
            &shown["client_id"],
            &shown["token_type"],
            &shown["sub"]
        ),
        (
            &json!(true),
            &json!("customers.read"),
            &plain["client_id"],
            &json!("Bearer"),
            &plain["client_id"]
        )
    );
    assert!(shown["exp"].is_i64());

    let inactive = json!({ "active": false });
    let authorize_and_exchange = authorize_and_exchange(&app, &agent, request("shop")).await;
    let persons = json!(agent.token());
    for token in [
        &authorize_and_exchange["access_token"],
        &authorize_and_exchange["refresh_token"],
        &persons,
    ] {
        assert_eq!(introspect(&app, &plain, token).await, inactive);
        assert_eq!(introspect(&app, &foreign, token).await, inactive);
        let shown = introspect(&app, &trusted, token).await;
        assert_eq!(
            (&shown["active"], &shown["sub"]),
            (&json!(true), &json!(agent.user().to_string()))
        );
    }

    for nothing in ["unknown", "mrt_unknown", "a.b.c"] {
        assert_eq!(introspect(&app, &trusted, &json!(nothing)).await, inactive);
    }

    // A revoked token, and a refresh token that was exchanged.
    let given_back = [
        ("client_id", "shop"),
        ("token", text(&authorize_and_exchange["access_token"])),
    ];
    post_form(&app.anonymous(), "/oauth/revoke", &given_back)
        .await
        .assert_status(200);
    assert_eq!(
        introspect(&app, &trusted, &authorize_and_exchange["access_token"]).await,
        inactive
    );
    assert_eq!(
        introspect(&app, &trusted, &authorize_and_exchange["refresh_token"]).await,
        inactive
    );

    // A client without a secret gets nothing.
    let known = [("client_id", "shop"), ("token", agent.token())];
    let refused = post_form(&app.anonymous(), "/oauth/introspect", &known).await;

    refused.assert_problem(400, "unauthorized_client");

    let unauthenticated = post_form(&app.anonymous(), "/oauth/introspect", &known[1..]).await;
    unauthenticated.assert_problem(401, "invalid_client");
}

/// OWASP ASVS 10.4.8: a service account's session ends with its token.
#[tokio::test]
async fn a_service_accounts_token_expires() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let client = new_client(&app.actor(Owner).await, "agent").await;
    let tokens = ask(&app, &client, "").await.assert_status(200).json();

    let machine = app.anonymous().with_token(text(&tokens["access_token"]));
    clock.advance(Duration::minutes(10) - Duration::SECOND);
    machine.get("/v1/me").await.assert_status(200);

    clock.advance(Duration::SECOND);
    machine
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    assert_eq!(
        introspect(&app, &client, &tokens["access_token"]).await,
        json!({ "active": false })
    );
}
