//! Attacks on external sign-in: by malicious providers, by people in between, and by broken
//! providers.

use std::time::Instant;

use mainstay::{access::BuiltInRole::Agent, kernel::Clock};
use mainstay_testing::{Misbehaviour, OpenIdProvider, TestApp};
use serde_json::{Value, json};
use time::Duration;
use tokio::net::TcpListener;

use crate::external::{
    ACME, begin, begin_link, callback, finish, link, person, sign_in, signed_in, start, start_with,
    start_with_manual_clock, text, through, user_of,
};

const REFUSED: &str = "external_sign_in_refused";
const KEYS: &str = "/jwks";
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// OWASP ASVS 9.1.1 to 9.1.3, 9.2.1 to 9.2.4, 10.5.1, 10.5.2; RFC 8725.
#[tokio::test]
async fn a_token_with_any_wrong_claim_is_refused() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let now = app.runtime().clock.now().unix_timestamp();
    let client = provider.settings(ACME)["client_id"].clone();

    for (claim, value) in [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("aud", json!("another-client")),
        ("aud", json!([client, "another-client"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("azp", json!("another-client")),
        ("iss", json!("https://id.example")),
        ("iss", json!(format!("{}/", provider.issuer()))),
        ("iss", Value::Null),
        ("exp", json!(now - 1)),
        ("exp", Value::Null),
        ("iat", json!(now - 3_600)),
        ("iat", json!(now + 3_600)),
        ("iat", Value::Null),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", Value::Null),
    ] {
        provider.script(|script| {
            script.claims = json!({ claim: value })
                .as_object()
                .cloned()
                .unwrap_or_default()
        });

        let answer = sign_in(&app, &provider, person("ada")).await;
        let refused = [(401, REFUSED), (503, "provider_unavailable")];
        let problem = answer.problem();

        assert!(
            refused.contains(&(problem.status, problem.code.as_str())),
            "{claim}: {value}: {}",
            answer.text()
        );
    }

    provider.script(|script| script.claims.clear());
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);
}

/// OWASP ASVS 10.2.1: a response can be used once, by the client that started the flow.
#[tokio::test]
async fn a_response_is_accepted_once_from_the_client_that_started_it() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (victim, attacker) = (begin(&app, ACME).await, begin(&app, ACME).await);
    let body = callback(&victim, &through(&provider, &victim, person("ada")));

    let mut of_another_browser = body.clone();
    of_another_browser["binding"] = attacker["binding"].clone();

    let mut without_binding = body.clone();
    without_binding.as_object_mut().unwrap().remove("binding");

    let mut of_no_state = body.clone();
    of_no_state["state"] = "x".repeat(43).into();
    for wrong in [of_another_browser, without_binding, of_no_state] {
        finish(&app, wrong).await.assert_problem(401, REFUSED);
    }
    assert_eq!(
        provider.calls("/token"),
        0,
        "the code was sent to the provider before the client was checked"
    );

    let answers = futures_util::future::join_all((0..20).map(|_| finish(&app, body.clone()))).await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(
        (taken, provider.calls("/token")),
        (1, 1),
        "a state was used more than once"
    );
    finish(&app, body).await.assert_problem(401, REFUSED);
}

/// Login CSRF and code injection: a code of one flow is used in another. The nonce, and PKCE at the
/// provider, detect it (OWASP ASVS 10.2.1, 10.4.6; RFC 9700 §4.5, §4.7).
#[tokio::test]
async fn a_code_of_another_flow_is_refused() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (one, other) = (begin(&app, ACME).await, begin(&app, ACME).await);
    let (back, stolen) = (
        through(&provider, &one, person("eve")),
        through(&provider, &other, person("ada")),
    );

    let mut body = callback(&one, &back);
    body["code"] = stolen.code.into();
    finish(&app, body).await.assert_problem(401, REFUSED);

    let count = app
        .owner()
        .await
        .run("SELECT FROM external_identities", [])
        .await
        .unwrap()
        .len();

    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_late_response_is_refused() {
    let (app, provider, clock) = start_with_manual_clock().await;
    let started = begin(&app, ACME).await;
    let body = callback(&started, &through(&provider, &started, person("ada")));

    clock.advance(Duration::minutes(10));
    finish(&app, body).await.assert_problem(401, REFUSED);

    // It is deleted when other flows start.
    begin(&app, ACME).await;
    clock.advance(Duration::SECOND);
    begin(&app, ACME).await;

    let kept = app
        .owner()
        .await
        .run("SELECT FROM external_authorizations", [])
        .await
        .unwrap()
        .len();

    assert_eq!(kept, 2);
}

/// OWASP ASVS 10.2.2; RFC 9207; RFC 9700 §4.4: the code of an honest provider is not sent to
/// another one.
#[tokio::test]
async fn providers_are_not_mixed_up() {
    let (honest, evil) = (
        OpenIdProvider::start(Clock::default()).await,
        OpenIdProvider::start(Clock::default()).await,
    );

    for provider in [&honest, &evil] {
        provider.script(|script| script.names_itself = true);
    }

    let app = start_with(&[honest.settings(ACME), evil.settings("evil")]).await;
    // The evil provider redirects the person to the honest one.
    let at_evil = begin(&app, "evil").await;
    let at_honest = begin(&app, ACME).await;
    let back = through(&honest, &at_honest, person("ada"));
    let wrong = [
        json!({
            "provider": "evil",
            "state": at_evil["state"],
            "binding": at_evil["binding"],
            "code": back.code,
            "iss": back.iss,
        }),
        json!({
            "provider": ACME,
            "state": at_evil["state"],
            "binding": at_evil["binding"],
            "code": back.code,
            "iss": back.iss,
        }),
        json!({ "provider": "evil", "state": at_honest["state"], "binding": at_honest["binding"], "code": back.code }),
    ];

    for body in wrong {
        finish(&app, body).await.assert_problem(401, REFUSED);
    }

    for issuer in [
        Some("https://id.example".to_owned()),
        Some(format!("{}/", honest.issuer())),
        None,
    ] {
        let started = begin(&app, ACME).await;
        let mut body = callback(&started, &through(&honest, &started, person("ada")));
        body.as_object_mut().unwrap().remove("iss");
        if let Some(issuer) = issuer {
            body["iss"] = issuer.into();
        }
        finish(&app, body).await.assert_problem(401, REFUSED);
    }

    assert_eq!((honest.calls("/token"), evil.calls("/token")), (0, 0));
    sign_in(&app, &honest, person("ada"))
        .await
        .assert_status(201);

    // Each provider has its own redirect URI.
    assert_ne!(
        back.redirect_uri,
        through(&evil, &begin(&app, "evil").await, person("ada")).redirect_uri
    );
}

/// A sign-in cannot be completed as a link or the reverse, nor by another person.
#[tokio::test]
async fn a_flow_cannot_be_completed_for_another_purpose() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let sign_in = begin(&app, ACME).await;
    let body = callback(&sign_in, &through(&provider, &sign_in, person("eve")));

    agent
        .post("/v1/me/external-identities", body)
        .await
        .assert_problem(401, REFUSED);

    let linking = begin_link(&agent, ACME).await;
    finish(
        &app,
        callback(&linking, &through(&provider, &linking, person("eve"))),
    )
    .await
    .assert_problem(401, REFUSED);

    let linking = begin_link(&other, ACME).await;
    let body = callback(&linking, &through(&provider, &linking, person("eve")));
    agent
        .post("/v1/me/external-identities", body)
        .await
        .assert_problem(401, REFUSED);
    assert_eq!(
        app.owner()
            .await
            .run("SELECT FROM external_identities", [])
            .await
            .unwrap()
            .len(),
        0
    );
}

/// OWASP ASVS 6.8.1.
#[tokio::test]
async fn the_same_subject_of_another_issuer_is_another_person() {
    let (one, other) = (
        OpenIdProvider::start(Clock::default()).await,
        OpenIdProvider::start(Clock::default()).await,
    );
    let app = start_with(&[one.settings(ACME), other.settings("other")]).await;
    let ada = signed_in(&app, &sign_in(&app, &one, person("ada")).await);
    let started = begin(&app, "other").await;

    let mut claims = person("ada");
    claims["email"] = "another@example.net".into();

    let mut body = callback(&started, &through(&other, &started, claims));
    body["provider"] = "other".into();

    let newcomer = signed_in(&app, &finish(&app, body).await);
    assert_ne!(user_of(&ada).await, user_of(&newcomer).await);

    // Subjects are case-sensitive.
    let mut claims = person("Ada");
    claims["email"] = "upper@example.net".into();

    let upper = signed_in(&app, &sign_in(&app, &one, claims).await);
    assert_ne!(user_of(&ada).await, user_of(&upper).await);
}

/// An e-mail address from a provider may be unverified, and never gives access to an account (OWASP
/// ASVS 6.8.1).
#[tokio::test]
async fn an_email_claim_gives_no_access_to_an_account() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let victim = app.actor(Agent).await;
    let claim = |email: &str, verified: Value| json!({ "sub": "eve", "email": email, "email_verified": verified });

    for verified in [json!(false), Value::Null, json!("false")] {
        let answer = sign_in(&app, &provider, claim("eve@example.com", verified)).await;
        answer.assert_problem(403, "email_unverified");
    }
    sign_in(&app, &provider, json!({ "sub": "eve" }))
        .await
        .assert_problem(403, "email_unverified");
    for email in [victim.email().to_owned(), victim.email().to_uppercase()] {
        sign_in(&app, &provider, claim(&email, json!(true)))
            .await
            .assert_problem(409, "account_exists");
    }

    let count = async |text| app.owner().await.run(text, []).await.unwrap().len();
    assert_eq!(count("SELECT FROM external_identities").await, 0);
    assert_eq!(
        count("SELECT FROM audit_events WHERE action = 'authn_login_fail'").await,
        6
    );

    // The owner links it while signed in.
    link(&victim, &provider, claim(victim.email(), json!(true)))
        .await
        .assert_status(201);

    let owner = signed_in(
        &app,
        &sign_in(&app, &provider, claim(victim.email(), json!(true))).await,
    );
    assert_eq!(user_of(&owner).await, victim.user().to_string());
}

/// Two first sign-ins at once, as after a double click, create one account.
#[tokio::test]
async fn two_concurrent_first_sign_ins_create_one_account() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let answers =
        futures_util::future::join_all((0..8).map(|_| sign_in(&app, &provider, person("ada"))))
            .await;

    for answer in &answers {
        answer.assert_status(201);
    }

    let count = async |text| app.owner().await.run(text, []).await.unwrap().len();
    assert_eq!(
        (
            count("SELECT FROM users").await,
            count("SELECT FROM external_identities").await
        ),
        (1, 1)
    );
}

/// OWASP ASVS 1.3.6, 13.2.4, 15.3.2: a malicious provider cannot make the service call other hosts,
/// nor wait or read without limit.
#[tokio::test]
async fn a_provider_cannot_make_the_service_follow_redirects_or_wait() {
    let canary = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let elsewhere = format!(
        "http://{}/",
        canary.local_addr().expect("the port is bound")
    );

    for path in [DISCOVERY, KEYS, "/token"] {
        let provider = OpenIdProvider::start(Clock::default()).await;
        let itself = Misbehaviour::RedirectTo(format!("{}{path}", provider.issuer()));
        for misbehaviour in [
            Misbehaviour::RedirectTo(elsewhere.clone()),
            itself,
            Misbehaviour::Endless,
            Misbehaviour::Silent,
        ] {
            let settings = json!([provider.settings(ACME)]).to_string();
            let builder =
                TestApp::builder(fixture::platform()).setting("identity.oidc_providers", settings);
            let app = builder
                .setting("identity.oidc_timeout", "300ms")
                .start()
                .await;

            // The other paths behave until then.
            let started = if path == "/token" {
                begin(&app, ACME).await
            } else {
                Value::Null
            };

            provider.script(|script| drop(script.misbehaviours.insert(path, misbehaviour.clone())));
            let (before, start) = (provider.calls(path), Instant::now());

            let answer = if path == "/token" {
                finish(
                    &app,
                    callback(&started, &through(&provider, &started, person("ada"))),
                )
                .await
            } else {
                app.anonymous()
                    .post("/v1/external-authorizations", json!({ "provider": ACME }))
                    .await
            };

            assert_eq!(
                answer.status,
                503,
                "{path} {misbehaviour:?}: {}",
                answer.text()
            );
            answer.assert_problem(503, "provider_unavailable");
            assert_eq!(provider.calls(path) - before, 1, "{path} {misbehaviour:?}");
            assert!(
                start.elapsed().as_secs() < 20,
                "{path} {misbehaviour:?} took {:?}",
                start.elapsed()
            );

            provider.script(|script| script.misbehaviours.clear());
        }
    }

    let hit = tokio::time::timeout(std::time::Duration::ZERO, canary.accept()).await;
    assert!(hit.is_err(), "the service followed a redirect");
}

/// The endpoints in a discovery document must use TLS, and the issuer must be the configured one.
#[tokio::test]
async fn an_unsafe_discovery_document_is_refused() {
    for (member, value) in [
        ("issuer", json!("https://id.example")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        (
            "authorization_endpoint",
            json!("http://id.example/authorize"),
        ),
        ("jwks_uri", json!("http://id.example/jwks")),
        (
            "jwks_uri",
            json!("http://169.254.169.254/latest/meta-data/"),
        ),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks_uri", json!("http://user:password@127.0.0.1/jwks")),
    ] {
        let provider = OpenIdProvider::start(Clock::default()).await;
        let app = start(&provider).await;
        provider.script(|script| drop(script.discovery.insert(member.to_owned(), value.clone())));
        let answer = app
            .anonymous()
            .post("/v1/external-authorizations", json!({ "provider": ACME }))
            .await;
        assert_eq!(answer.status, 503, "{member} {value}: {}", answer.text());
    }

    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;

    provider.script(|script| {
        drop(
            script
                .discovery
                .insert("token_endpoint".into(), json!("http://id.example/token")),
        )
    });

    sign_in(&app, &provider, person("ada"))
        .await
        .assert_problem(503, "provider_unavailable");
}

/// OWASP ASVS 6.3.1, 2.4.1: each started flow is a row, so the number is limited.
#[tokio::test]
async fn the_number_of_started_flows_is_limited() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let mut refused = None;
    for _ in 0..60 {
        let answer = app
            .anonymous()
            .post("/v1/external-authorizations", json!({ "provider": ACME }))
            .await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }

    let refused = refused.expect("a start is refused");
    refused.assert_problem(429, "too_many_attempts");

    // Other ways to sign in are not delayed.
    assert!(!refused.header("retry-after").is_empty());
}

/// OWASP ASVS 11.3, 14.2: a dump of the tables reveals neither external identities nor how to
/// complete a flow.
#[tokio::test]
async fn the_database_has_no_external_identity_in_clear() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    sign_in(&app, &provider, person("canary-subject"))
        .await
        .assert_status(201);

    let started = begin(&app, ACME).await;
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };

    let mut dump = String::new();
    for table in [
        "SELECT t::text FROM external_identities t",
        "SELECT t::text FROM external_authorizations t",
        "SELECT t::text FROM audit_events t",
    ] {
        for row in app.owner().await.run(table, []).await.unwrap() {
            dump += &row.get::<String>(0).unwrap();
        }
    }

    assert!(dump.len() > 500);

    for secret in [
        "canary-subject",
        text(&started["state"]),
        text(&started["binding"]),
    ] {
        assert!(
            !dump.contains(secret) && !dump.contains(&hex(secret)),
            "{secret}"
        );
    }
}
