//! Consent before an application gets access, and `/v1/me/applications`, where people withdraw it.

use mainstay::access::BuiltInRole::{Agent, Manager, Owner};
use mainstay_http::Method;
use mainstay_testing::{Actor, Client, PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{
    oauth_support::{
        authorize, authorize_and_exchange, bearer, code, decide, exchange, refreshing, register,
        register_for, request, text, token, value, with,
    },
    people::member_path,
    start,
};

/// The response to an authorization request without a decision.
async fn ask(by: &Client, request: Value) -> Value {
    by.post("/oauth/authorizations", request)
        .await
        .assert_status(200)
        .json()
}

fn is_asked(answer: &Value) -> bool {
    assert_ne!(
        answer["consent"].is_null(),
        answer["redirect_to"].is_null(),
        "{answer}"
    );
    answer["consent"].is_object()
}

async fn count(app: &TestApp, table: &'static str) -> i64 {
    let rows = app.owner().await.run(table, []).await.unwrap();
    rows[0].get(0).unwrap()
}

/// RFC 6749 §10.2; OWASP ASVS 10.7.1, 10.7.2.
#[tokio::test]
async fn the_first_use_of_an_application_asks_and_gives_nothing() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let asked = ask(&owner, with(request("shop"), "scope", "customers.read")).await;
    let consent = &asked["consent"];
    assert_eq!(asked["redirect_to"], Value::Null);
    assert_eq!(
        (&consent["client_name"], &consent["recipient"]),
        (&json!("An application"), &json!("app.example"))
    );
    assert_eq!(consent["is_identity_assured"], true);

    let permissions = consent["permissions"].as_array().unwrap();
    let names: Vec<_> = permissions
        .iter()
        .map(|permission| text(&permission["name"]))
        .collect();

    assert_eq!(names, ["profile", "customers.read"]);
    assert!(
        permissions
            .iter()
            .all(|permission| text(&permission["help"]).ends_with('.')),
        "{permissions:?}"
    );
    assert_eq!(
        count(&app, "SELECT count(*) FROM authorization_codes").await,
        0
    );
    assert_eq!(count(&app, "SELECT count(*) FROM oauth_grants").await, 0);

    // Refused: the application gets an error, and the person is asked again the next time.
    let refused = decide(&owner, request("shop"), "deny").await;
    assert_eq!(
        (value(&refused, "error"), value(&refused, "code")),
        ("access_denied", "")
    );
    assert_eq!(
        (value(&refused, "state"), value(&refused, "iss")),
        ("the state of the application", "http://localhost:8000")
    );
    assert!(is_asked(&ask(&owner, request("shop")).await));
    assert_eq!(count(&app, "SELECT count(*) FROM oauth_grants").await, 0);
}

#[tokio::test]
async fn consent_is_remembered_and_more_scopes_are_asked_for() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    register(&app, "shop").await;
    register(&app, "other-shop").await;

    let asking = |scope: &str| with(request("shop"), "scope", scope);
    authorize(&owner, asking("customers.read customers.write")).await;

    for granted in ["customers.read", "customers.write customers.read"] {
        assert!(!is_asked(&ask(&owner, asking(granted)).await), "{granted}");
    }

    for more in [
        "customers.read customers.delete",
        "audit.read",
        "all",
        "profile",
    ] {
        assert!(is_asked(&ask(&owner, asking(more)).await), "{more}");
    }

    authorize(&owner, asking("audit.read")).await;
    assert!(!is_asked(
        &ask(&owner, asking("audit.read customers.read")).await
    ));

    // The consent is of this person for this application only.
    assert!(is_asked(&ask(&agent, asking("customers.read")).await));
    assert!(is_asked(
        &ask(
            &owner,
            with(request("other-shop"), "scope", "customers.read")
        )
        .await
    ));
}

/// RFC 6749 §3.3: without a scope, an application gets the least, not all.
#[tokio::test]
async fn an_application_without_a_scope_gets_the_profile_only() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let tokens = authorize_and_exchange(&app, &owner, request("shop")).await;
    assert_eq!(tokens["scope"], "profile");

    let application = bearer(&app, &tokens);
    let me = application.get("/v1/me").await.assert_status(200).json();
    assert_eq!(
        (&me["email"], &me["permissions"]),
        (&json!(owner.email()), &json!([]))
    );

    for closed in [
        "/v1/customers",
        "/v1/members",
        "/v1/organization",
        "/v1/audit/events",
    ] {
        application
            .get(closed)
            .await
            .assert_problem(403, "forbidden");
    }
}

/// A first-party application needs no consent with a registered https redirect, which authenticates
/// it.
#[tokio::test]
async fn a_first_party_application_needs_no_consent() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register_for(&app, "own", &[crate::oauth_support::REDIRECT], true).await;

    let answer = ask(&owner, with(request("own"), "scope", "customers.read")).await;
    assert!(text(&answer["redirect_to"]).contains("code="), "{answer}");

    let listed = owner
        .get("/v1/me/applications")
        .await
        .assert_status(200)
        .json();

    let (item, items) = (
        &listed["items"][0],
        listed["items"].as_array().unwrap().len(),
    );
    assert_eq!(
        (items, &item["first_party"], &item["consented_at"]),
        (1, &json!(true), &Value::Null)
    );

    // Access without consent is not remembered: if the application were third-party, the person
    // would be asked.
    app.owner()
        .await
        .run(
            "UPDATE oauth_clients SET first_party = false WHERE client_id = 'own'",
            [],
        )
        .await
        .unwrap();

    assert!(is_asked(
        &ask(&owner, with(request("own"), "scope", "customers.read")).await
    ));
}

/// OWASP ASVS 10.4.9, 10.7.3: consent is listed, and withdrawn together with all tokens.
#[tokio::test]
async fn an_application_is_listed_and_withdrawn_with_its_tokens() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    register(&app, "shop").await;

    let replica = app.second_replica().await;

    let tokens = authorize_and_exchange(
        &app,
        &owner,
        with(request("shop"), "scope", "customers.read"),
    )
    .await;

    let unused = code(&owner, request("shop")).await;
    let application = bearer(&app, &tokens);
    let remote = replica.client_of(&application);

    for client in [&application, &remote] {
        client.get("/v1/customers").await.assert_status(200);
    }

    let listed = owner
        .get("/v1/me/applications")
        .await
        .assert_status(200)
        .json();

    let item = &listed["items"][0];
    assert_eq!(
        (&item["client_id"], &item["name"]),
        (&json!("shop"), &json!("An application"))
    );
    assert_eq!(
        (&item["scopes"], &item["sessions"]),
        (&json!(["customers.read", "profile"]), &json!(1))
    );
    assert_eq!(item["organization_id"], json!(owner.organization()));

    let path = format!("/v1/me/applications/{}", text(&item["id"]));
    // Only the person may see it: no one else, and not the application.
    agent.delete(&path).await.assert_problem(404, "not_found");
    application
        .get("/v1/me/applications")
        .await
        .assert_problem(403, "forbidden");
    application
        .delete(&path)
        .await
        .assert_problem(403, "forbidden");

    owner.delete(&path).await.assert_status(204);
    application
        .get("/v1/customers")
        .await
        .assert_problem(401, "unauthenticated");

    crate::people::within_a_second(&remote, "/v1/customers", 401).await;
    let refresh = refreshing("shop", text(&tokens["refresh_token"]));

    token(&app, &refresh)
        .await
        .assert_problem(400, "invalid_grant");
    token(&app, &exchange("shop", &unused))
        .await
        .assert_problem(400, "invalid_grant");
    assert_eq!(
        owner.get("/v1/me/applications").await.json()["items"],
        json!([])
    );
    owner.delete(&path).await.assert_problem(404, "not_found");
    assert!(is_asked(
        &ask(&owner, with(request("shop"), "scope", "customers.read")).await
    ));

    let recorded = r"
        SELECT count(*)
        FROM audit_events
        WHERE action = 'authn_client_withdrawn'
    ";
    assert_eq!(count(&app, recorded).await, 1);
    owner.get("/v1/me").await.assert_status(200);
}

/// Consent, like a role, is per organization.
#[tokio::test]
async fn consent_in_one_organization_does_not_hold_in_another() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    register(&app, "shop").await;

    let asking = with(request("shop"), "scope", "customers.read");
    authorize(&agent, asking.clone()).await;
    assert!(!is_asked(&ask(&agent, asking.clone()).await));

    let made = agent
        .post("/v1/organizations", json!({ "name": "Of my own" }))
        .await
        .assert_status(201)
        .json();

    let switch = json!({ "organization_id": made["id"] });
    agent
        .put("/v1/sessions/current/organization", switch)
        .await
        .assert_status(204);
    assert!(is_asked(&ask(&agent, asking).await));
}

/// A removed member's consent ends, and is requested again after they return.
#[tokio::test]
async fn a_grant_does_not_outlive_the_membership() {
    let app = start().await;
    let (manager, agent) = (app.actor(Manager).await, app.actor(Agent).await);
    register(&app, "shop").await;

    let tokens = authorize_and_exchange(
        &app,
        &agent,
        with(request("shop"), "scope", "customers.read"),
    )
    .await;

    let application = bearer(&app, &tokens);
    application.get("/v1/customers").await.assert_status(200);
    manager
        .delete(&member_path(&agent))
        .await
        .assert_status(204);
    application
        .get("/v1/customers")
        .await
        .assert_problem(401, "unauthenticated");
    assert_eq!(count(&app, "SELECT count(*) FROM oauth_grants").await, 0);
    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM sessions WHERE client_id = 'shop'"
        )
        .await,
        0
    );
}

/// A link only opens the page; a code requires a request that only the page sends.
#[tokio::test]
async fn a_link_gives_no_code() {
    let app = start().await;
    let owner: Actor = app.actor(Owner).await;
    register(&app, "shop").await;
    authorize(&owner, request("shop")).await;

    let before = count(&app, "SELECT count(*) FROM authorization_codes").await;
    let body = json!({ "email": owner.email(), "password": PASSWORD, "cookie": true });
    let signed_in = app.anonymous().post("/v1/sessions", body).await;
    let cookie = signed_in
        .assert_status(201)
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let asked = request("shop");

    let query = [
        "client_id",
        "redirect_uri",
        "response_type",
        "code_challenge",
        "code_challenge_method",
    ];

    let query: Vec<_> = query
        .iter()
        .map(|name| format!("{name}={}", text(&asked[name]).replace('?', "%3F")))
        .collect();
    let path = format!("/oauth/authorize?{}", query.join("&"));

    let page = app
        .anonymous()
        .request(Method::GET, &path)
        .header("cookie", &cookie)
        .send()
        .await;

    assert!(
        page.assert_status(200)
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );

    for method in [Method::GET, Method::HEAD] {
        let call = app
            .anonymous()
            .request(method, "/oauth/authorizations")
            .header("cookie", &cookie);
        call.send().await.assert_status(405);
    }

    assert_eq!(
        count(&app, "SELECT count(*) FROM authorization_codes").await,
        before
    );
}
