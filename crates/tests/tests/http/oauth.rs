//! `/oauth/…` and `/.well-known/oauth-authorization-server`: access of applications for a person.

use mainstay::access::BuiltInRole::Owner;
use mainstay_http::Method;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{
    oauth_support::{
        authorize, authorize_and_exchange, bearer, code, exchange, post_form, refreshing, register,
        request, text, token, value, with,
    },
    start,
};

#[tokio::test]
async fn an_authorized_application_acts_for_the_person() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let answered = authorize(&owner, with(request("shop"), "scope", "all")).await;
    assert_eq!(value(&answered, "state"), "the state of the application");

    // RFC 9207.
    assert_eq!(value(&answered, "iss"), "http://localhost:8000");

    let answer = token(&app, &exchange("shop", value(&answered, "code"))).await;
    let tokens = answer.assert_status(200).json();
    assert_eq!(
        (&tokens["token_type"], answer.header("cache-control")),
        (&json!("Bearer"), "no-store")
    );
    assert_eq!(tokens["expires_in"], 600);

    let application = bearer(&app, &tokens);
    let me = application.get("/v1/me").await.assert_status(200).json();
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!(owner.email()), &json!("owner"))
    );

    let granted: Vec<_> = me["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();

    assert_eq!(tokens["scope"], granted.join(" "));
    application.get("/v1/customers").await.assert_status(200);

    // It is not the person: it cannot manage the account itself.
    application
        .get("/v1/sessions")
        .await
        .assert_problem(403, "forbidden");
}

/// OWASP ASVS 7.5.2, 10.4.9: people can list and end an application's access.
#[tokio::test]
async fn an_application_is_listed_among_the_sessions_and_ended_there() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let tokens = authorize_and_exchange(&app, &owner, request("shop")).await;
    let application = bearer(&app, &tokens);
    application.get("/v1/me").await.assert_status(200);

    let sessions = owner.get("/v1/sessions").await.json();
    let session = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["client_id"] == "shop")
        .unwrap();

    assert_eq!(session["kind"], "client");
    owner
        .delete(&format!("/v1/sessions/{}", text(&session["id"])))
        .await
        .assert_status(204);
    application
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let refresh = refreshing("shop", text(&tokens["refresh_token"]));

    token(&app, &refresh)
        .await
        .assert_problem(400, "invalid_grant");
}

/// OWASP ASVS 10.2.3, 10.3.2, 10.4.11.
#[tokio::test]
async fn a_scope_limits_what_an_application_may_do() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let tokens = authorize_and_exchange(
        &app,
        &owner,
        with(request("shop"), "scope", "customers.read"),
    )
    .await;

    assert_eq!(tokens["scope"], "customers.read");

    let application = bearer(&app, &tokens);
    assert_eq!(
        application.get("/v1/me").await.json()["permissions"],
        json!(["customers.read"])
    );
    application.get("/v1/customers").await.assert_status(200);

    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    application
        .post("/v1/customers", body)
        .await
        .assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_refresh_keeps_the_scope_and_rotates_the_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let first = authorize_and_exchange(
        &app,
        &owner,
        with(request("shop"), "scope", "customers.read customers.write"),
    )
    .await;

    let refresh = |token: &Value, scope: &'static str| {
        let token = text(token).to_owned();
        let app = &app;
        async move {
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", "shop"),
                ("refresh_token", token.as_str()),
                ("scope", scope),
            ];
            self::token(app, &fields).await
        }
    };

    // A scope beyond the granted one is refused without using up the token.
    refresh(&first["refresh_token"], "customers.read customers.delete")
        .await
        .assert_problem(400, "invalid_scope");
    refresh(&first["refresh_token"], "no.such")
        .await
        .assert_problem(400, "invalid_scope");

    let second = refresh(&first["refresh_token"], "customers.read")
        .await
        .assert_status(200)
        .json();
    assert_eq!(second["scope"], "customers.read");
    assert_ne!(second["refresh_token"], first["refresh_token"]);

    // RFC 6749 §6: it limits the access token, but not the refresh token.
    let limited = bearer(&app, &second);
    assert_eq!(
        limited.get("/v1/me").await.json()["permissions"],
        json!(["customers.read"])
    );

    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    limited
        .post("/v1/customers", body)
        .await
        .assert_problem(403, "forbidden");

    let third = refresh(&second["refresh_token"], "")
        .await
        .assert_status(200)
        .json();
    assert_eq!(third["scope"], "customers.read customers.write");
    bearer(&app, &third)
        .get("/v1/customers")
        .await
        .assert_status(200);
}

/// RFC 6749 §3.2, §5.2; RFC 9457: one body serves both kinds of clients.
#[tokio::test]
async fn an_error_has_the_members_of_oauth() {
    let app = start().await;
    register(&app, "shop").await;

    for (fields, status, error) in [
        (vec![], 400, "invalid_request"),
        (vec![("grant_type", "")], 400, "invalid_request"),
        (
            vec![("grant_type", "magic"), ("client_id", "shop")],
            400,
            "unsupported_grant_type",
        ),
        (
            vec![("grant_type", "authorization_code")],
            401,
            "invalid_client",
        ),
        (
            vec![
                ("grant_type", "authorization_code"),
                ("client_id", "unknown"),
            ],
            401,
            "invalid_client",
        ),
        (
            vec![("grant_type", "authorization_code"), ("client_id", "shop")],
            400,
            "invalid_request",
        ),
        (
            vec![("grant_type", "client_credentials"), ("client_id", "shop")],
            400,
            "unauthorized_client",
        ),
        (
            vec![("grant_type", "authorization_code"); 2],
            400,
            "invalid_request",
        ),
        (
            exchange("shop", "mac_no-code-of-ours"),
            400,
            "invalid_grant",
        ),
    ] {
        let answer = token(&app, &fields).await;
        answer.assert_problem(status, error);

        let body = answer.json();
        assert_eq!(
            (&body["error"], &body["error_description"]),
            (&json!(error), &body["detail"]),
            "{fields:?}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            status == 401,
            answer.header("www-authenticate").starts_with("Basic "),
            "{fields:?}"
        );
    }

    let json = app
        .anonymous()
        .post(
            "/oauth/token",
            json!({ "grant_type": "client_credentials" }),
        )
        .await;

    assert_eq!(
        json.assert_problem(415, "unsupported_media_type").json()["error"],
        "invalid_request"
    );

    // Unknown parameters are ignored, and a parameter without a value counts as absent (RFC 6749
    // §3.2).
    let owner = app.actor(Owner).await;
    let code = code(&owner, request("shop")).await;
    let mut fields = exchange("shop", &code);

    fields.extend([("resource", "https://api.example"), ("client_secret", "")]);
    token(&app, &fields).await.assert_status(200);
}

/// RFC 7009.
#[tokio::test]
async fn a_revoked_token_ends_its_session() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    for which in ["access_token", "refresh_token"] {
        let tokens = authorize_and_exchange(&app, &owner, request("shop")).await;
        let application = bearer(&app, &tokens);
        application.get("/v1/me").await.assert_status(200);

        let fields = [
            ("client_id", "shop"),
            ("token", text(&tokens[which])),
            ("token_type_hint", "access_token"),
        ];

        post_form(&app.anonymous(), "/oauth/revoke", &fields)
            .await
            .assert_status(200);
        application
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");

        // Again, and for an unknown token: the response is the same.
        post_form(&app.anonymous(), "/oauth/revoke", &fields)
            .await
            .assert_status(200);
    }

    let unknown = [("client_id", "shop"), ("token", "unknown")];
    post_form(&app.anonymous(), "/oauth/revoke", &unknown)
        .await
        .assert_status(200);
    owner.get("/v1/me").await.assert_status(200);
}

/// RFC 8414: the metadata matches the endpoints.
#[tokio::test]
async fn the_metadata_matches_the_service() {
    let issuer = "http://api.example";
    let app = TestApp::builder(fixture::platform())
        .setting("http.public_url", issuer)
        .start()
        .await;

    let metadata = app
        .anonymous()
        .get("/.well-known/oauth-authorization-server")
        .await
        .assert_status(200)
        .json();

    assert_eq!(metadata["issuer"], issuer);

    let path = |member: &str| {
        text(&metadata[member])
            .strip_prefix(issuer)
            .unwrap_or_else(|| panic!("{member}"))
            .to_owned()
    };

    for page in [
        "authorization_endpoint",
        "service_documentation",
        "jwks_uri",
    ] {
        app.anonymous().get(&path(page)).await.assert_status(200);
    }

    let document = app.anonymous().get("/openapi.json").await.json();

    for endpoint in [
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ] {
        assert!(
            document["paths"][path(endpoint)]["post"].is_object(),
            "{endpoint} is not documented"
        );
    }

    register(&app, "shop").await;
    let known = metadata["grant_types_supported"].as_array().unwrap();
    let others = [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ];

    for grant in known.iter().map(text).chain(others) {
        let answer = token(&app, &[("grant_type", grant), ("client_id", "shop")]).await;
        let is_known = answer.assert_status(400).problem().code != "unsupported_grant_type";
        assert_eq!(is_known, !others.contains(&grant), "{grant}");
    }

    let owner = app.actor(Owner).await;
    // Every listed scope can be requested.
    for scope in metadata["scopes_supported"].as_array().unwrap() {
        let answered = authorize(&owner, with(request("shop"), "scope", scope.clone())).await;
        assert_eq!(
            (value(&answered, "iss"), value(&answered, "error")),
            (issuer, ""),
            "{scope}"
        );
    }
}

/// What the page at `/oauth/authorize`: check the request, sign in with a cookie, grant access.
#[tokio::test]
async fn a_browser_grants_access_with_its_cookie() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let looked = app
        .anonymous()
        .post("/oauth/authorization-requests", request("shop"))
        .await;
    let looked = looked.assert_status(200).json();

    assert_eq!(
        (&looked["client_name"], &looked["redirect_to"]),
        (&json!("An application"), &Value::Null)
    );
    app.anonymous()
        .post("/oauth/authorizations", request("shop"))
        .await
        .assert_problem(401, "unauthenticated");

    let body = json!({ "email": owner.email(), "password": PASSWORD, "cookie": true });
    let signed_in = app.anonymous().post("/v1/sessions", body).await;
    let cookie = signed_in
        .assert_status(201)
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let call = || {
        let call = app
            .anonymous()
            .request(Method::POST, "/oauth/authorizations")
            .header("cookie", &cookie);
        call.header("sec-fetch-site", "same-origin")
    };

    let asked = call()
        .json(&request("shop"))
        .send()
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        (&asked["redirect_to"], &asked["consent"]["client_name"]),
        (&Value::Null, &json!("An application"))
    );

    let answer = call()
        .json(&with(request("shop"), "decision", "allow"))
        .send()
        .await;
    assert!(text(&answer.assert_status(200).json()["redirect_to"]).contains("code="));
}
