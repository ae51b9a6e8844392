//! Applications that ask in another's name, and access that somebody takes back while it is being used.

use futures_util::future::{join, join_all};
use mainstay_access::BuiltInRole::Owner;
use mainstay_testing::TestApp;
use serde_json::{Value, json};

use crate::oauth::{
    REDIRECT, authorize, bearer, code, exchange, let_in, refreshing, register, register_for,
    request, text, token, value, with,
};

/// RFC 8252 §8.6, RFC 6749 §10.2; OWASP ASVS 10.7.1: any program on a device may ask in the name of an application that is
/// answered there. The person is asked each time, also by an application of the operator's own.
#[tokio::test]
async fn an_application_that_anybody_can_play_is_never_let_in_unasked() {
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

/// RFC 8252 §7.3: the port of a native application is any, and nothing else of its redirect is.
#[tokio::test]
async fn a_loopback_redirect_has_any_port_and_its_code_goes_nowhere_else() {
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
        // The exchange names the redirect of the request, its port included (RFC 6749 §4.1.3).
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

/// RFC 6749 §3.1, §4.1.2.1: a parameter that is there twice means nothing, and the application is told so.
#[tokio::test]
async fn a_parameter_that_is_there_twice_gets_no_code() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let answered = authorize(&owner, with(request("shop"), "repeats_parameters", true)).await;
    assert_eq!(
        (value(&answered, "error"), value(&answered, "code")),
        ("invalid_request", "")
    );
    assert_eq!(
        value(&answered, "state"),
        "what the application knows it by"
    );
}

/// A decision is one of two words, and nothing that looks like one.
#[tokio::test]
async fn only_a_clear_yes_lets_an_application_in() {
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
        .expect("they are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("a number"), 0);
}

/// What an application gets at the moment at which its access is withdrawn, it does not keep.
#[tokio::test]
async fn nothing_survives_a_withdrawal_that_is_under_way() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    register(&app, "shop").await;

    let asking = || with(request("shop"), "scope", "customers.read");
    for _ in 0..5 {
        let first = let_in(&app, &owner, asking()).await;
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
