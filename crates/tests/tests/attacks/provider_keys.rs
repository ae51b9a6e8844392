//! Attacks on the verification of ID tokens with keys other than the provider's signing keys.

use mainstay::kernel::Clock;
use mainstay_testing::{OpenIdProvider, Signing};
use serde_json::json;
use time::Duration;

use crate::external::{ACME, person, sign_in, start, start_with_manual_clock};

const REFUSED: &str = "external_sign_in_refused";
const KEYS: &str = "/jwks";

/// OWASP ASVS 9.1.2, 9.1.3; RFC 8725 §2.1, §3.1: only public-key algorithms and only the provider's
/// keys are accepted.
#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_is_refused() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;

    for signing in [
        Signing::None,
        Signing::Hs256,
        Signing::Hs256WithPublicKey,
        Signing::WrongKey,
        Signing::UnknownKey,
    ] {
        provider.script(|script| script.signing = signing);
        let answer = sign_in(&app, &provider, person("ada")).await;
        assert_eq!(answer.status, 401, "{signing:?}: {}", answer.text());
        answer.assert_problem(401, REFUSED);
    }
}

/// A key that the provider publishes for another use, such as encryption, may be held by others
/// (RFC 7517 §4.2, §4.3).
#[tokio::test]
async fn a_key_for_another_use_verifies_no_token() {
    let provider = OpenIdProvider::start(Clock::default()).await;

    for (key, status) in [
        (json!({ "use": "enc" }), 401),
        (json!({ "use": "enc", "key_ops": ["verify"] }), 401),
        (json!({ "key_ops": ["encrypt"] }), 401),
        (json!({ "use": null, "key_ops": ["wrapKey", "sign"] }), 401),
        (json!({ "use": null, "key_ops": [] }), 401),
        (json!({ "use": null, "key_ops": "verify" }), 401),
        (json!({ "use": null, "key_ops": ["verify"] }), 201),
        (json!({ "key_ops": ["encrypt", "verify"] }), 201),
        (json!({ "use": null }), 201),
    ] {
        provider.script(|script| script.key = key.as_object().cloned().unwrap_or_default());
        // A service caches a provider's keys, so each case uses a new provider.
        let app = start(&provider).await;
        let answer = sign_in(&app, &provider, person("ada")).await;
        assert_eq!(answer.status, status, "{key}: {}", answer.text());
        if status == 401 {
            answer.assert_problem(401, REFUSED);
        }
    }
}

/// The same for a key that is fetched later, because no cached key matches.
#[tokio::test]
async fn a_new_key_for_another_use_verifies_no_token() {
    let (app, provider, clock) = start_with_manual_clock().await;
    sign_in(&app, &provider, person("ada"))
        .await
        .assert_status(201);

    for (key_ops, status) in [(json!(["encrypt"]), 401), (json!(["verify"]), 201)] {
        provider.rotate_keys();
        provider.script(|script| drop(script.key.insert("key_ops".to_owned(), key_ops.clone())));
        clock.advance(Duration::minutes(1));
        let before = provider.calls(KEYS);
        let answer = sign_in(&app, &provider, person("ada")).await;
        assert_eq!(
            (answer.status.as_u16(), provider.calls(KEYS) - before),
            (status, 1),
            "{key_ops}: {}",
            answer.text()
        );
    }
}

/// A provider that announces no safe algorithm is not used.
#[tokio::test]
async fn a_provider_without_public_keys_is_not_used() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let algorithms = json!(["HS256", "HS512", "none"]);
    provider.script(|script| {
        drop(
            script
                .discovery
                .insert("id_token_signing_alg_values_supported".into(), algorithms),
        )
    });

    let answer = app
        .anonymous()
        .post("/v1/external-authorizations", json!({ "provider": ACME }))
        .await;
    answer.assert_problem(503, "provider_unavailable");
}
