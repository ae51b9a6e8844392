//! Attacks on OAuth applications: stolen codes, manipulated redirects, stolen tokens.

use std::collections::BTreeSet;

use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::{Agent, Owner};
use mainstay_http::Method;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::oauth::{
    REDIRECT, VERIFIER, authorize, authorize_and_exchange, bearer, code, exchange, post_form,
    refreshing, register, request, text, token, value, with,
};

async fn start() -> TestApp {
    let app = TestApp::start(fixture::platform()).await;
    register(&app, "shop").await;
    register(&app, "other-shop").await;
    app
}

/// OWASP ASVS 10.4.2; RFC 9700 §4.5.
#[tokio::test]
async fn a_replayed_code_revokes_its_tokens() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let code = code(&owner, request("shop")).await;
    let tokens = token(&app, &exchange("shop", &code))
        .await
        .assert_status(200)
        .json();

    let application = bearer(&app, &tokens);
    application.get("/v1/me").await.assert_status(200);

    // By anyone, with any other credentials.
    let replay = [
        ("grant_type", "authorization_code"),
        ("client_id", "other-shop"),
        ("code", &code),
        ("redirect_uri", "x"),
        ("code_verifier", "y"),
    ];

    token(&app, &replay)
        .await
        .assert_problem(400, "invalid_grant");
    application
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let refresh = refreshing("shop", text(&tokens["refresh_token"]));

    token(&app, &refresh)
        .await
        .assert_problem(400, "invalid_grant");

    let rows = app
        .owner()
        .await
        .run(
            "SELECT count(*) FROM audit_events WHERE action = 'authn_token_reuse'",
            [],
        )
        .await;

    assert_eq!(
        rows.expect("the log is read")[0]
            .get::<i64>(0)
            .expect("the column is a number"),
        1
    );
    owner.get("/v1/me").await.assert_status(200);
}

/// OWASP ASVS 2.3.4, 10.4.2.
#[tokio::test]
async fn concurrent_exchanges_of_one_code_leave_no_valid_token() {
    let app = start().await;
    let code = code(&app.actor(Owner).await, request("shop")).await;
    let exchanges = (0..50).map(|_| async { token(&app, &exchange("shop", &code)).await });
    let answers = futures_util::future::join_all(exchanges).await;
    let (given, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);

    assert!(
        given.len() <= 1,
        "{} exchanges of one code gave a token",
        given.len()
    );
    assert!(
        refused
            .iter()
            .all(|answer| answer.problem().code == "invalid_grant")
    );

    for answer in given {
        let access_token = answer.json()["access_token"]
            .as_str()
            .expect("the response has a token")
            .to_owned();
        app.anonymous()
            .with_token(&access_token)
            .get("/v1/me")
            .await
            .assert_problem(401, "unauthenticated");
    }
}

/// OWASP ASVS 10.4.5, 10.4.6; RFC 7636: a code requires its verifier, and the challenge does not
/// work as one.
#[tokio::test]
async fn a_stolen_code_is_useless_without_its_verifier() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let asked = request("shop");
    let code = code(&owner, asked.clone()).await;
    let challenge = text(&asked["code_challenge"]);
    let longer = format!("{VERIFIER}x");

    for wrong in [
        challenge,
        &longer,
        &VERIFIER[..43],
        &VERIFIER.to_uppercase(),
        "short",
        "",
    ] {
        let mut fields = exchange("shop", &code);
        fields[4].1 = wrong;
        let expected = if wrong.is_empty() {
            "invalid_request"
        } else {
            "invalid_grant"
        };
        token(&app, &fields).await.assert_problem(400, expected);
    }

    token(&app, &exchange("shop", &code))
        .await
        .assert_status(200);
}

/// OWASP ASVS 10.4.6: without a challenge, or with one that is the verifier itself, no code is
/// given.
#[tokio::test]
async fn a_request_without_a_valid_challenge_gets_no_code() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for (member, wrong) in [
        ("code_challenge", json!(null)),
        ("code_challenge", json!("short")),
        ("code_challenge", json!(VERIFIER)),
        ("code_challenge_method", json!(null)),
        ("code_challenge_method", json!("plain")),
        ("code_challenge_method", json!("s256")),
        ("response_mode", json!("fragment")),
    ] {
        let answered = authorize(&owner, with(request("shop"), member, wrong.clone())).await;
        assert_eq!(
            (value(&answered, "error"), value(&answered, "code")),
            ("invalid_request", ""),
            "{member}: {wrong}"
        );
        assert_eq!(value(&answered, "state"), "the state of the application");
        assert!(!value(&answered, "iss").is_empty());
    }

    for response_type in ["token", "id_token", "code token", "none"] {
        let answered = authorize(
            &owner,
            with(request("shop"), "response_type", response_type),
        )
        .await;
        assert_eq!(
            value(&answered, "error"),
            "unsupported_response_type",
            "{response_type}"
        );
        assert_eq!(value(&answered, "access_token"), "");
    }
}

/// OWASP ASVS 10.4.1, 15.3.4; RFC 9700 §4.1, §4.11: a redirect URI must be registered exactly.
#[tokio::test]
async fn a_redirect_uri_is_compared_exactly() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for trick in [
        "https://app.example/back",
        "https://app.example/back?tenant=1&next=https://evil.example",
        "https://app.example/back?tenant=1#part",
        "https://app.example/back?tenant=1/",
        "https://app.example/back/?tenant=1",
        "https://app.example/back/../back?tenant=1",
        "https://app.example/BACK?tenant=1",
        "https://APP.example/back?tenant=1",
        "HTTPS://app.example/back?tenant=1",
        "http://app.example/back?tenant=1",
        "https://app.example:443/back?tenant=1",
        "https://app.example:8443/back?tenant=1",
        "https://app.example.evil.example/back?tenant=1",
        "https://evil.example/back?tenant=1",
        "https://app.example@evil.example/back?tenant=1",
        "https://user@app.example/back?tenant=1",
        "https://evil.example/?https://app.example/back?tenant=1",
        "https://app.example\\@evil.example/back?tenant=1",
        "https://app.example%2eevil.example/back?tenant=1",
        "https://app.example/back%3Ftenant=1",
        "//app.example/back?tenant=1",
        "/back?tenant=1",
        "javascript:alert(1)//https://app.example/back?tenant=1",
        " https://app.example/back?tenant=1",
        "https://app.example/back?tenant=1 ",
        "https://app.example/back?tenant=1\n",
        "http://localhost:8000/docs",
    ] {
        let asked = with(request("shop"), "redirect_uri", trick);
        let signed_in = owner.post("/oauth/authorizations", asked.clone()).await;
        signed_in.assert_problem(400, "unregistered_redirect_uri");

        let looked = app
            .anonymous()
            .post("/oauth/authorization-requests", asked)
            .await;
        looked.assert_problem(400, "unregistered_redirect_uri");
        assert!(
            !signed_in.headers.contains_key("location") && !looked.text().contains("evil"),
            "{trick}"
        );
    }

    // The same at the exchange, which compares it with the URI of the request.
    let code = code(&owner, request("shop")).await;
    let mut fields = exchange("shop", &code);
    for trick in [
        "https://app.example/back",
        "https://app.example/back?tenant=1&a=b",
    ] {
        fields[3].1 = trick;
        token(&app, &fields)
            .await
            .assert_problem(400, "invalid_grant");
    }

    fields[3].1 = REDIRECT;
    token(&app, &fields).await.assert_status(200);
}

/// OWASP ASVS 10.4.1: a request of an unknown or deactivated client is refused without a redirect.
#[tokio::test]
async fn an_unknown_client_gets_nothing() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let (tokens, code) = (
        authorize_and_exchange(&app, &owner, request("shop")).await,
        code(&owner, request("shop")).await,
    );

    for unknown in ["unknown", "Shop", "shop ", "docs"] {
        let answer = owner.post("/oauth/authorizations", request(unknown)).await;
        assert_eq!(answer.assert_status(400).json()["redirect_to"], Value::Null);
    }

    app.owner()
        .await
        .run("UPDATE oauth_clients SET deactivated_at = now()", [])
        .await
        .expect("the clients are deactivated");

    owner
        .post("/oauth/authorizations", request("shop"))
        .await
        .assert_problem(400, "unknown_client");
    token(&app, &exchange("shop", &code))
        .await
        .assert_problem(401, "invalid_client");

    let refresh = refreshing("shop", text(&tokens["refresh_token"]));

    token(&app, &refresh)
        .await
        .assert_problem(401, "invalid_client");
}

/// OWASP ASVS 10.2.2, 10.4.8: codes and tokens of one application do not work for another, nor as a
/// sign-in.
#[tokio::test]
async fn credentials_of_one_application_do_not_work_for_another() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let code = code(&owner, request("shop")).await;

    token(&app, &exchange("other-shop", &code))
        .await
        .assert_problem(400, "invalid_grant");

    let tokens = authorize_and_exchange(&app, &owner, request("shop")).await;
    let refresh_token = text(&tokens["refresh_token"]);
    let refresh = refreshing("other-shop", refresh_token);

    token(&app, &refresh)
        .await
        .assert_problem(400, "invalid_grant");

    let body = json!({ "refresh_token": refresh_token });
    let sessions = app
        .anonymous()
        .post("/v1/sessions/current/refresh", body)
        .await;

    sessions.assert_problem(401, "invalid_refresh_token");

    // Nor the other way round.
    let body = json!({ "email": owner.email(), "password": PASSWORD });
    let own = app.anonymous().post("/v1/sessions", body).await.json();
    let refresh = refreshing("shop", text(&own["refresh_token"]));

    token(&app, &refresh)
        .await
        .assert_problem(400, "invalid_grant");

    for foreign in [
        text(&tokens["access_token"]),
        refresh_token,
        text(&own["access_token"]),
    ] {
        let fields = [("client_id", "other-shop"), ("token", foreign)];
        post_form(&app.anonymous(), "/oauth/revoke", &fields)
            .await
            .assert_problem(400, "invalid_grant");
    }

    bearer(&app, &tokens).get("/v1/me").await.assert_status(200);

    // None of these attempts has used up the token.
    let refresh = refreshing("shop", refresh_token);

    token(&app, &refresh).await.assert_status(200);
}

/// OWASP ASVS 10.4.3.
#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    register(&app, "shop").await;

    let owner = app.actor(Owner).await;
    let (in_time, late) = (
        code(&owner, request("shop")).await,
        code(&owner, request("shop")).await,
    );

    clock.advance(Duration::seconds(59));
    token(&app, &exchange("shop", &in_time))
        .await
        .assert_status(200);

    clock.advance(Duration::SECOND);
    token(&app, &exchange("shop", &late))
        .await
        .assert_problem(400, "invalid_grant");
}

/// OWASP ASVS 7.4.2, 7.4.3: a sign-out, deactivation or removal before the exchange revokes the
/// code.
#[tokio::test]
async fn a_code_ends_with_the_session_that_granted_it() {
    let app = start().await;
    let endings = [
        "UPDATE sessions SET ended_at = now() WHERE user_id = $1",
        "UPDATE users SET active = false WHERE id = $1",
        "DELETE FROM memberships WHERE user_id = $1",
    ];

    for ending in endings {
        let agent = app.actor(Agent).await;
        let code = code(&agent, request("shop")).await;
        app.owner()
            .await
            .run(ending, [agent.user().uuid().into()])
            .await
            .expect("the task ends");
        token(&app, &exchange("shop", &code))
            .await
            .assert_problem(400, "invalid_grant");
    }
}

/// OWASP ASVS 8.3.1, 10.4.11: an application never has more permissions than its person.
#[tokio::test]
async fn a_scope_never_exceeds_the_person() {
    let app = start().await;
    let agent = app.actor(Agent).await;

    for scope in [
        "customers.delete",
        "customers.read audit.read",
        "everything",
        "*",
    ] {
        let answered = authorize(&agent, with(request("shop"), "scope", scope)).await;
        assert_eq!(
            (value(&answered, "error"), value(&answered, "code")),
            ("invalid_scope", ""),
            "{scope}"
        );
    }

    // When the role loses permissions, so does the application.
    let tokens = authorize_and_exchange(
        &app,
        &agent,
        with(request("shop"), "scope", "customers.read customers.write"),
    )
    .await;

    let demote = r"
        UPDATE memberships
        SET role_id = (SELECT id FROM roles WHERE name = 'auditor' AND organization_id IS NULL)
        WHERE user_id = $1
    ";
    app.owner()
        .await
        .run(demote, [agent.user().uuid().into()])
        .await
        .expect("the role changes");

    let refresh = refreshing("shop", text(&tokens["refresh_token"]));

    let tokens = token(&app, &refresh).await.assert_status(200).json();
    let application = bearer(&app, &tokens);
    let seen = async || application.get("/v1/me").await.json()["permissions"].clone();
    let started = std::time::Instant::now();

    while seen().await != json!(["customers.read"]) {
        assert!(
            started.elapsed().as_secs() < 1,
            "the role still has its old permissions"
        );
    }
}

/// OWASP ASVS 3.5.1, 10.2.1: a page of another site cannot grant access with the person's cookie
/// (CSRF).
#[tokio::test]
async fn another_site_cannot_grant_access_to_an_application() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let body = json!({ "email": owner.email(), "password": PASSWORD, "cookie": true });
    let answer = app.anonymous().post("/v1/sessions", body).await;
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .expect("the response sets a cookie")
        .to_owned();

    let call = || {
        app.anonymous()
            .request(Method::POST, "/oauth/authorizations")
            .header("cookie", &cookie)
    };

    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = call()
            .header(name, value)
            .json(&request("shop"))
            .send()
            .await;
        answer.assert_problem(403, "cross_site_request");
    }

    call()
        .json(&request("shop"))
        .send()
        .await
        .assert_problem(403, "cross_site_request");

    // The content types that a form of another site can send are refused.
    let form = call()
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "text/plain");
    form.body(request("shop").to_string())
        .send()
        .await
        .assert_problem(415, "unsupported_media_type");

    let rows = app
        .owner()
        .await
        .run("SELECT count(*) FROM authorization_codes", [])
        .await
        .expect("the rows are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 0);
}

/// OWASP ASVS 10.2.1: an application cannot grant access to another application, nor more scopes to
/// itself.
#[tokio::test]
async fn an_application_cannot_grant_access() {
    let app = start().await;
    let tokens = authorize_and_exchange(
        &app,
        &app.actor(Owner).await,
        with(request("shop"), "scope", "customers.read"),
    )
    .await;

    let application = bearer(&app, &tokens);
    application
        .post("/oauth/authorizations", request("other-shop"))
        .await
        .assert_problem(403, "forbidden");
    application
        .post("/oauth/authorizations", request("shop"))
        .await
        .assert_problem(403, "forbidden");
}

/// OWASP ASVS 10.4.4: the password grant is not supported.
#[tokio::test]
async fn there_is_no_password_grant() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let fields = [
        ("grant_type", "password"),
        ("client_id", "shop"),
        ("username", owner.email()),
        ("password", PASSWORD),
    ];
    token(&app, &fields)
        .await
        .assert_problem(400, "unsupported_grant_type");
}

/// OWASP ASVS 7.2.3, 11.4.1: the stored hashes of codes and tokens are useless to an attacker.
#[tokio::test]
async fn a_dump_contains_no_code_and_no_token() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let code = code(&owner, request("shop")).await;
    let tokens = token(&app, &exchange("shop", &code)).await.json();
    let mut database = app.owner().await;
    let mut kept = BTreeSet::new();
    for dump in [
        "SELECT t::text FROM authorization_codes t",
        "SELECT t::text FROM refresh_tokens t",
        "SELECT t::text FROM sessions t",
        "SELECT t::text FROM audit_events t",
    ] {
        let rows = database.run(dump, []).await.expect("the table is read");
        kept.extend(
            rows.iter()
                .map(|row| row.get::<String>(0).expect("the column is text")),
        );
    }

    for secret in [
        code.as_str(),
        text(&tokens["access_token"]),
        text(&tokens["refresh_token"]),
        VERIFIER,
    ] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            !kept
                .iter()
                .any(|row| row.contains(secret) || row.contains(&hex)),
            "a secret is stored"
        );
    }
}
