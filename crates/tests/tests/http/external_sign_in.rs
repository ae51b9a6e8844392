//! `/v1/external-providers`, `/v1/external-authorizations`, `/v1/external-sessions`.

use mainstay::{access::BuiltInRole::Agent, kernel::Clock};
use mainstay_http::Method;
use mainstay_testing::{Misbehaviour, OpenIdProvider, Signing};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    authenticators::enrol,
    external::{
        ACME, begin, callback, finish, link, person, sign_in, signed_in, start, start_with,
        start_with_manual_clock, text, through, user_of,
    },
};

const KEYS: &str = "/jwks";
const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn the_providers_are_listed() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let listed = app
        .anonymous()
        .get("/v1/external-providers")
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        listed["items"],
        json!([{ "name": ACME, "label": ACME, "issuer": provider.issuer() }])
    );
    assert_eq!(
        provider.calls(DISCOVERY),
        0,
        "the provider was called before the first sign-in"
    );
}

#[tokio::test]
async fn an_unknown_provider_is_refused() {
    let app = crate::start().await;
    assert_eq!(
        app.anonymous()
            .get("/v1/external-providers")
            .await
            .assert_status(200)
            .json()["items"],
        json!([])
    );

    let refused = app
        .anonymous()
        .post("/v1/external-authorizations", json!({ "provider": ACME }))
        .await;
    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/provider"]
    );

    let body = json!({ "provider": ACME, "state": "x", "code": "x", "binding": "x" });
    assert_eq!(
        finish(&app, body)
            .await
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/provider"]
    );
}

/// OWASP ASVS 6.8.1: the account is found by issuer and subject, with any e-mail address.
#[tokio::test]
async fn a_new_person_gets_an_account_and_returns_to_it() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let first = signed_in(&app, &sign_in(&app, &provider, person("ada")).await);
    let me = first.get("/v1/me").await.assert_status(200).json();

    assert_eq!(
        (&me["email"], &me["organization"]),
        (&json!("ada@example.com"), &Value::Null)
    );

    let mut moved = person("ada");
    moved["email"] = "lovelace@example.net".into();

    let second = signed_in(&app, &sign_in(&app, &provider, moved).await);
    assert_eq!(user_of(&second).await, text(&me["user_id"]));

    let identities = second
        .get("/v1/me/external-identities")
        .await
        .assert_status(200)
        .json();
    let [identity] = identities["items"].as_array().unwrap().as_slice() else {
        panic!("{identities}")
    };

    assert_eq!(
        (&identity["provider"], &identity["email"]),
        (&json!(ACME), &json!("ada@example.com"))
    );
    assert!(identity["last_used_at"].is_string());

    let mut owner = app.owner().await;
    let rows = owner
        .run(
            r"
            SELECT action
            FROM audit_events
            WHERE action LIKE 'user%' OR action LIKE 'authn%'
            ORDER BY id
        ",
            [],
        )
        .await
        .unwrap();
    let actions: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();

    assert_eq!(
        actions,
        ["user_created", "authn_login_success", "authn_login_success"]
    );
}

#[tokio::test]
async fn both_kinds_of_keys_are_accepted_and_discovery_is_cached() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    for signing in [Signing::Es256, Signing::Rs256] {
        provider.script(|script| script.signing = signing);
        sign_in(&app, &provider, person("ada"))
            .await
            .assert_status(201);
    }

    assert_eq!(
        (
            provider.calls(DISCOVERY),
            provider.calls(KEYS),
            provider.calls("/token")
        ),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn a_provider_may_rotate_its_keys() {
    let (app, provider, clock) = start_with_manual_clock().await;
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);

    provider.rotate_keys();
    // Tokens with unknown keys do not make the service fetch the key set each time.
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_problem(401, "external_sign_in_refused");
    assert_eq!(provider.calls(KEYS), 1);

    clock.advance(Duration::minutes(1));
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);
    assert_eq!((provider.calls(KEYS), provider.calls(DISCOVERY)), (2, 1));

    provider.script(|script| script.signing = Signing::UnknownKey);
    clock.advance(Duration::minutes(1));
    for _ in 0..5 {
        sign_in(&app, &provider, person("ada"))
            .await
            .assert_problem(401, "external_sign_in_refused");
    }
    assert_eq!(provider.calls(KEYS), 3);
}

#[tokio::test]
async fn discovery_is_cached_for_an_hour_and_longer_while_the_provider_is_down() {
    let (app, provider, clock) = start_with_manual_clock().await;
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);

    clock.advance(Duration::hours(1));
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);
    assert_eq!(provider.calls(DISCOVERY), 2);

    provider.script(|script| drop(script.misbehaviours.insert(DISCOVERY, Misbehaviour::Broken)));
    clock.advance(Duration::hours(1));
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);
    assert_eq!(provider.calls(DISCOVERY), 3);

    clock.advance(Duration::days(1));
    let down = app
        .anonymous()
        .post("/v1/external-authorizations", json!({ "provider": ACME }))
        .await;

    down.assert_problem(503, "provider_unavailable");
}

#[tokio::test]
async fn a_provider_that_is_down_does_not_affect_others() {
    let (up, down) = (
        OpenIdProvider::start(Clock::default()).await,
        OpenIdProvider::start(Clock::default()).await,
    );
    down.script(|script| drop(script.misbehaviours.insert(DISCOVERY, Misbehaviour::Broken)));

    let app = start_with(&[up.settings(ACME), down.settings("down")]).await;
    for _ in 0..3 {
        let refused = app
            .anonymous()
            .post("/v1/external-authorizations", json!({ "provider": "down" }))
            .await;
        refused.assert_problem(503, "provider_unavailable");
        assert_eq!(refused.header("retry-after"), "10");
    }

    assert_eq!(
        down.calls(DISCOVERY),
        1,
        "each sign-in called the provider that is down"
    );
    sign_in(&app, &up, person("ada")).await.assert_status(201);
    app.actor(Agent)
        .await
        .get("/v1/me")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn without_permission_to_sign_up_no_account_is_created() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let mut settings = provider.settings(ACME);
    settings["sign_up"] = "refuse".into();

    let app = start_with(&[settings]).await;
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_problem(403, "no_account");

    let agent = app.actor(Agent).await;
    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    let ada = signed_in(&app, &sign_in(&app, &provider, person("ada")).await);
    assert_eq!(user_of(&ada).await, agent.user().to_string());

    // The session is in the account's organization.
    assert_eq!(
        ada.get("/v1/me").await.json()["organization"]["id"],
        agent.organization().to_string()
    );
}

#[tokio::test]
async fn a_session_is_in_an_organization_of_its_person() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (agent, stranger) = (app.actor(Agent).await, app.stranger(Agent).await);

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);
    for (organization, status) in [(agent.organization(), 201), (stranger.organization(), 401)] {
        let started = begin(&app, ACME).await;
        let mut body = callback(&started, &through(&provider, &started, person("ada")));
        body["organization_id"] = organization.to_string().into();
        finish(&app, body).await.assert_status(status);
    }
}

#[tokio::test]
async fn a_deactivated_account_cannot_sign_in() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    sign_in(&app, &provider, person("ada"))
        .await
        .assert_problem(401, "external_sign_in_refused");
}

/// OWASP ASVS 3.3.1 to 3.3.4, 3.5.1: the cookie keeps the binding for the service's pages, and no
/// other page can use it.
#[tokio::test]
async fn a_browser_keeps_the_binding_in_a_cookie() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;

    for (site, status) in [
        ("cross-site", 401),
        ("same-site", 401),
        ("same-origin", 201),
    ] {
        let body = json!({ "provider": ACME, "cookie": true });
        let answer = app
            .anonymous()
            .post("/v1/external-authorizations", body)
            .await;
        let started = answer.assert_status(200).json();

        assert_eq!(started["binding"], Value::Null);

        let set = answer.header("set-cookie");
        let cookie = set.split(';').next().unwrap();
        assert!(cookie.starts_with("__Host-external=mxb_"), "{set}");

        for attribute in [
            "; Path=/",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Strict",
            "; Max-Age=600",
        ] {
            assert!(set.contains(attribute), "the cookie has no {attribute}");
        }

        let mut body = callback(&started, &through(&provider, &started, person("ada")));
        body.as_object_mut().unwrap().remove("binding");
        body["cookie"] = true.into();

        let call = app
            .anonymous()
            .request(Method::POST, "/v1/external-sessions")
            .header("cookie", cookie);
        let answer = call.header("sec-fetch-site", site).json(&body).send().await;

        answer.assert_status(status);

        if status == 201 {
            let cookies: Vec<_> = answer
                .headers
                .get_all("set-cookie")
                .iter()
                .map(|it| it.to_str().unwrap())
                .collect();

            assert!(
                cookies
                    .iter()
                    .any(|cookie| cookie.starts_with("__Host-session=")),
                "{cookies:?}"
            );

            assert!(
                cookies
                    .iter()
                    .any(|cookie| cookie.starts_with("__Host-external=;")),
                "{cookies:?}"
            );
        }
    }
}

/// OWASP ASVS 6.8.4: a sensitive operation requires a recent authentication at the provider;
/// without `auth_time` it does not count as recent.
#[tokio::test]
async fn a_sign_in_is_as_fresh_as_the_provider_says() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let mut settings = provider.settings(ACME);
    let app = start_with(&[settings.clone()]).await;
    let now = app.runtime().clock.now().unix_timestamp();

    for (authenticated, status) in [
        (json!(now), 200),
        (json!(now + 9_999), 200),
        (json!(now - 601), 401),
        (Value::Null, 401),
    ] {
        let mut claims = person("ada");
        claims["auth_time"] = authenticated.clone();
        let ada = signed_in(&app, &sign_in(&app, &provider, claims).await);
        let answer = ada
            .post(
                "/v1/me/external-authorizations",
                json!({ "provider": ACME }),
            )
            .await;
        assert_eq!(answer.status, status, "{authenticated}: {}", answer.text());
    }

    settings["assume_fresh"] = true.into();
    let app = start_with(&[settings]).await;
    let ada = signed_in(&app, &sign_in(&app, &provider, person("ada")).await);

    ada.post(
        "/v1/me/external-authorizations",
        json!({ "provider": ACME }),
    )
    .await
    .assert_status(200);
}

/// OWASP ASVS 6.8.4.
#[tokio::test]
async fn a_requested_reauthentication_must_have_happened() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let now = app.runtime().clock.now().unix_timestamp();
    for (authenticated, status) in [
        (json!(now), 201),
        (json!(now - 120), 401),
        (Value::Null, 401),
    ] {
        let body = json!({ "provider": ACME, "reauthenticate": true });
        let started = app
            .anonymous()
            .post("/v1/external-authorizations", body)
            .await
            .assert_status(200)
            .json();

        let url = text(&started["authorization_url"]);
        assert!(
            url.contains("prompt=login") && url.contains("max_age=0"),
            "{url}"
        );

        let mut claims = person("ada");
        claims["auth_time"] = authenticated;
        finish(
            &app,
            callback(&started, &through(&provider, &started, claims)),
        )
        .await
        .assert_status(status);
    }
}

/// OWASP ASVS 6.3.3, 6.8.4: an external sign-in does not bypass the second factor.
#[tokio::test]
async fn an_account_with_a_second_factor_must_use_it() {
    let provider = OpenIdProvider::start(Clock::default()).await;

    for (trusted, methods, status) in [
        (false, json!(["pwd"]), 401),
        (false, json!(["pwd", "mfa"]), 401),
        (true, json!(["pwd"]), 401),
        (true, Value::Null, 401),
        (true, json!(["pwd", "otp", "mfa"]), 201),
    ] {
        let mut settings = provider.settings(ACME);
        settings["trust_mfa"] = trusted.into();

        let app = start_with(&[settings]).await;
        let agent = app.actor(Agent).await;
        link(&agent, &provider, person("ada"))
            .await
            .assert_status(201);

        enrol(&app, &agent).await;
        let mut claims = person("ada");
        claims["amr"] = methods.clone();

        let answer = sign_in(&app, &provider, claims).await;
        assert_eq!(
            answer.status,
            status,
            "{trusted} {methods}: {}",
            answer.text()
        );
        if status == 401 {
            answer.assert_problem(401, "second_factor_required");
        }
    }
}

/// The provider accepts its code once, so the sign-in waits for the second factor.
#[tokio::test]
async fn a_second_factor_is_requested_after_the_provider() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    let (_, codes) = enrol(&app, &agent).await;
    let started = begin(&app, ACME).await;
    let mut claims = person("ada");

    claims["auth_time"] = app.runtime().clock.now().unix_timestamp().into();
    let mut body = callback(&started, &through(&provider, &started, claims));
    for _ in 0..2 {
        finish(&app, body.clone())
            .await
            .assert_problem(401, "second_factor_required");
    }

    body["second_factor"] = "000000".into();
    finish(&app, body.clone())
        .await
        .assert_problem(401, "invalid_credentials");

    let mut of_another_browser = body.clone();
    of_another_browser["binding"] = begin(&app, ACME).await["binding"].clone();
    of_another_browser["second_factor"] = codes[0].as_str().into();

    finish(&app, of_another_browser)
        .await
        .assert_problem(401, "external_sign_in_refused");

    body["second_factor"] = codes[0].as_str().into();
    let ada = signed_in(&app, &finish(&app, body.clone()).await);
    assert_eq!(user_of(&ada).await, agent.user().to_string());

    // Both factors were used a moment ago.
    ada.post(
        "/v1/me/external-authorizations",
        json!({ "provider": ACME }),
    )
    .await
    .assert_status(200);

    body["second_factor"] = codes[1].as_str().into();
    finish(&app, body)
        .await
        .assert_problem(401, "external_sign_in_refused");
    assert_eq!(
        provider.calls("/token"),
        2,
        "one call to link, one to sign in"
    );
}

/// OWASP ASVS 6.3.1: an attacker with the account at the provider cannot guess the second factor.
#[tokio::test]
async fn guessing_the_second_factor_is_throttled() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    let (_, codes) = enrol(&app, &agent).await;
    let mut last = None;
    for _ in 0..7 {
        let started = begin(&app, ACME).await;
        let mut body = callback(&started, &through(&provider, &started, person("ada")));
        body["second_factor"] = "000000".into();
        last = Some((finish(&app, body.clone()).await, body));
    }

    let (answer, mut body) = last.unwrap();
    answer.assert_problem(429, "too_many_attempts");

    body["second_factor"] = codes[0].as_str().into();
    finish(&app, body)
        .await
        .assert_problem(429, "too_many_attempts");
}
