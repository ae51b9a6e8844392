//! Applications that impersonate another one, and access that is withdrawn while in use.

use futures_util::future::{join, join_all};
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::TestApp;
use serde_json::{Value, json};

use crate::oauth::{
    REDIRECT, authorize, authorize_and_exchange, bearer, code, exchange, refreshing, register,
    register_for, request, text, token, value, with,
};

/// RFC 8252 §8.6, RFC 6749 §10.2; OWASP ASVS 10.7.1: any program on a device can impersonate a
/// native application, so the person is asked each time, even for a first-party application.
#[tokio::test]
async fn a_native_application_always_needs_consent() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;

    let redirects = [
        REDIRECT,
        "http://127.0.0.1/back",
        "http://[::1]/back",
        "http://localhost/back",
        "com.example.app:/back",
    ];

    for (client_id, first_party) in [("others", false), ("own", true)] {
        register_for(&app, client_id, &redirects, first_party).await;

        for redirect in &redirects[1..] {
            let asking = with(
                with(request(client_id), "redirect_uri", *redirect),
                "scope",
                "customers.read",
            );

            for _ in 0..2 {
                let asked = owner
                    .post("/oauth/authorizations", asking.clone())
                    .await
                    .assert_status(200)
                    .json();
                assert_eq!(asked["redirect_to"], Value::Null, "{client_id}: {redirect}");
                assert_eq!(
                    asked["consent"]["is_identity_assured"], false,
                    "{client_id}: {redirect}"
                );
                assert!(!value(&authorize(&owner, asking.clone()).await, "code").is_empty());
            }
        }
    }
}

/// RFC 8252 §7.3: a loopback redirect may use any port, but nothing else may differ.
#[tokio::test]
async fn a_loopback_redirect_may_use_any_port_and_nothing_else() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;

    register_for(
        &app,
        "native",
        &[
            "http://127.0.0.1:7000/back",
            "http://[::1]/back",
            "http://localhost:7000/back",
        ],
        false,
    )
    .await;

    for right in [
        "http://127.0.0.1:51004/back",
        "http://127.0.0.1/back",
        "http://[::1]:51004/back",
    ] {
        let asking = with(request("native"), "redirect_uri", right);
        let code = code(&owner, asking).await;
        let mut fields = exchange("native", &code);
        // The exchange must send the same redirect URI, including the port (RFC 6749 §4.1.3).
        fields[3].1 = "http://127.0.0.1:7000/back";
        token(&app, &fields)
            .await
            .assert_problem(400, "invalid_grant");
        fields[3].1 = right;
        token(&app, &fields).await.assert_status(200);
    }

    for trick in [
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/back/",
        "http://127.0.0.1:51004/back?a=b",
        "http://127.0.0.2:7000/back",
        "http://localhost:51004/back",
        "http://[::ffff:127.0.0.1]:7000/back",
        "http://127.0.0.1:51004@evil.example/back",
        "http://127.0.0.1:51004.evil.example/back",
        "http://127.0.0.1.evil.example:51004/back",
        "http://127.0.0.1:0/back",
        "http://127.0.0.1:99999/back",
        "http://2130706433:7000/back",
        "https://127.0.0.1:7000/back",
    ] {
        let asking = with(
            with(request("native"), "redirect_uri", trick),
            "decision",
            "allow",
        );
        owner
            .post("/oauth/authorizations", asking)
            .await
            .assert_problem(400, "unregistered_redirect_uri");
    }
}

/// RFC 6749 §3.1, §4.1.2.1: a repeated parameter is an error, which is reported to the application.
#[tokio::test]
async fn a_repeated_parameter_gets_no_code() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let answered = authorize(&owner, with(request("shop"), "repeats_parameters", true)).await;
    assert_eq!(
        (value(&answered, "error"), value(&answered, "code")),
        ("invalid_request", "")
    );
    assert_eq!(value(&answered, "state"), "the state of the application");
}

/// A decision must be exactly one of two words.
#[tokio::test]
async fn only_an_explicit_allow_grants_access() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    for unclear in [
        json!("ALLOW"),
        json!("yes"),
        json!(true),
        json!(""),
        json!(1),
        json!(["allow"]),
    ] {
        let answer = owner
            .post(
                "/oauth/authorizations",
                with(request("shop"), "decision", unclear.clone()),
            )
            .await;
        assert!(
            [400, 422].contains(&answer.status.as_u16()),
            "{unclear}: {}",
            answer.text()
        );
    }

    let rows = app
        .owner()
        .await
        .run("SELECT count(*) FROM oauth_grants", [])
        .await
        .expect("the rows are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 0);
}

/// A token that is issued while access is withdrawn is revoked.
#[tokio::test]
async fn a_token_issued_during_a_withdrawal_is_revoked() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let asking = || with(request("shop"), "scope", "customers.read");
    for _ in 0..5 {
        let first = authorize_and_exchange(&app, &owner, asking()).await;
        let mut codes = Vec::new();
        for _ in 0..6 {
            codes.push(code(&owner, asking()).await);
        }

        let listed = owner
            .get("/v1/me/applications")
            .await
            .assert_status(200)
            .json();

        let path = format!("/v1/me/applications/{}", text(&listed["items"][0]["id"]));
        let exchanges = join_all(
            codes
                .iter()
                .map(|code| async { token(&app, &exchange("shop", code)).await }),
        );

        let (withdrawn, answers) = join(owner.delete(&path), exchanges).await;
        withdrawn.assert_status(204);

        let given = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.json());

        for tokens in given.chain([first]) {
            let application = bearer(&app, &tokens);
            application
                .get("/v1/customers")
                .await
                .assert_problem(401, "unauthenticated");

            let refresh = refreshing("shop", text(&tokens["refresh_token"]));

            token(&app, &refresh)
                .await
                .assert_problem(400, "invalid_grant");
        }

        for refused in answers.iter().filter(|answer| answer.status != 200) {
            refused.assert_problem(400, "invalid_grant");
        }
    }
}
