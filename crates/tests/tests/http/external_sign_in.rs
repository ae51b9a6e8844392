//! `/v1/external-providers`, `/v1/external-authorizations`, `/v1/external-sessions`.

use mainstay::{access::BuiltInRole::Agent, kernel::Clock};
use mainstay_http::Method;
use mainstay_testing::{Misbehaviour, OpenIdProvider, Signing};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    authenticators::enrol,
    external::{
        ACME, begin, callback, finish, link, person, sign_in, signed_in, start, start_at_rest,
        start_with, text, through, user_of,
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
        "a provider is asked before anybody signs in"
    );
}

#[tokio::test]
async fn a_provider_that_nobody_set_is_refused() {
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

/// OWASP ASVS 6.8.1: the account is found by issuer and subject, whatever address comes with them.
#[tokio::test]
async fn somebody_new_gets_an_account_and_comes_back_to_it() {
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
async fn keys_of_both_kinds_are_believed_and_the_provider_is_asked_once_about_itself() {
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
async fn a_provider_may_change_its_keys() {
    let (app, provider, clock) = start_at_rest().await;
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);

    provider.rotate_keys();
    // Whoever makes a provider sign with unknown keys does not make us ask for them all the time.
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

    provider.script(|script| script.signing = Signing::OfAnUnknownKey);
    clock.advance(Duration::minutes(1));
    for _ in 0..5 {
        sign_in(&app, &provider, person("ada"))
            .await
            .assert_problem(401, "external_sign_in_refused");
    }
    assert_eq!(provider.calls(KEYS), 3);
}

#[tokio::test]
async fn what_a_provider_says_of_itself_is_believed_for_an_hour_and_longer_while_it_is_down() {
    let (app, provider, clock) = start_at_rest().await;
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
async fn a_provider_that_is_down_keeps_nobody_else_out() {
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
        "a provider that is down is asked by everybody who comes"
    );
    sign_in(&app, &up, person("ada")).await.assert_status(201);
    app.actor(Agent)
        .await
        .get("/v1/me")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn whoever_may_not_sign_up_gets_no_account() {
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

    // It works where the account does.
    assert_eq!(
        ada.get("/v1/me").await.json()["organization"]["id"],
        agent.organization().to_string()
    );
}

#[tokio::test]
async fn one_works_in_an_organization_that_one_is_a_member_of() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (agent, stranger) = (app.actor(Agent).await, app.stranger(Agent).await);

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);
    for (organization, status) in [(agent.organization(), 201), (stranger.organization(), 401)] {
        let begun = begin(&app, ACME).await;
        let mut body = callback(&begun, &through(&provider, &begun, person("ada")));
        body["organization_id"] = organization.to_string().into();
        finish(&app, body).await.assert_status(status);
    }
}

#[tokio::test]
async fn a_deactivated_account_is_refused() {
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

/// OWASP ASVS 3.3.1 to 3.3.4, 3.5.1: a browser's own pages need not keep the binding, and no other page can use it.
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
        let begun = answer.assert_status(200).json();

        assert_eq!(begun["binding"], Value::Null);

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
            assert!(set.contains(attribute), "{attribute} is not in the cookie");
        }

        let mut body = callback(&begun, &through(&provider, &begun, person("ada")));
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

/// OWASP ASVS 6.8.4: what is sensitive asks when the person proved who it is, and a provider that does not say it is not
/// taken to have asked.
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
async fn whoever_is_asked_to_prove_it_anew_must_have() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let now = app.runtime().clock.now().unix_timestamp();
    for (authenticated, status) in [
        (json!(now), 201),
        (json!(now - 120), 401),
        (Value::Null, 401),
    ] {
        let body = json!({ "provider": ACME, "reauthenticate": true });
        let begun = app
            .anonymous()
            .post("/v1/external-authorizations", body)
            .await
            .assert_status(200)
            .json();

        let url = text(&begun["authorization_url"]);
        assert!(
            url.contains("prompt=login") && url.contains("max_age=0"),
            "{url}"
        );

        let mut claims = person("ada");
        claims["auth_time"] = authenticated;
        finish(&app, callback(&begun, &through(&provider, &begun, claims)))
            .await
            .assert_status(status);
    }
}

/// OWASP ASVS 6.3.3, 6.8.4: a second factor is not left out by going another way.
#[tokio::test]
async fn an_account_with_a_second_factor_must_show_it() {
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

/// The provider takes its code once, so the sign-in waits for the second factor.
#[tokio::test]
async fn a_second_factor_is_shown_after_the_provider() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    let (_, codes) = enrol(&app, &agent).await;
    let begun = begin(&app, ACME).await;
    let mut claims = person("ada");

    claims["auth_time"] = app.runtime().clock.now().unix_timestamp().into();
    let mut body = callback(&begun, &through(&provider, &begun, claims));
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

    // Both were shown, and a moment ago.
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
    assert_eq!(provider.calls("/token"), 2, "one to link, one to sign in");
}

/// OWASP ASVS 6.3.1: whoever has taken over the account at the provider does not guess the second factor here.
#[tokio::test]
async fn guessing_the_second_factor_is_slowed_down() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;

    link(&agent, &provider, person("ada"))
        .await
        .assert_status(201);

    let (_, codes) = enrol(&app, &agent).await;
    let mut last = None;
    for _ in 0..7 {
        let begun = begin(&app, ACME).await;
        let mut body = callback(&begun, &through(&provider, &begun, person("ada")));
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
