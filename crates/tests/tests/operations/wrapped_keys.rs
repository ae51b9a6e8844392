//! Root keys that Vault wraps: generated with it, unwrapped at the start, and never printed when it
//! refuses.

use mainstay::kernel::ExposeSecret as _;
use mainstay_testing::TestApp;

use crate::{
    http::send,
    program::{Serving, finish, program},
    vault::{Mood, TOKEN, Vault},
};

fn settings(vault: &Vault) -> Vec<(&'static str, String)> {
    vec![
        ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
        (
            "MAINSTAY_CRYPTO_VAULT_URL",
            format!("http://{}", vault.address),
        ),
        ("MAINSTAY_CRYPTO_VAULT_TOKEN", TOKEN.to_owned()),
        ("MAINSTAY_CRYPTO_VAULT_TIMEOUT", "500ms".to_owned()),
    ]
}

fn wrapped_ring(vault: &Vault) -> String {
    let (code, text) = finish(program(["key-ring", "generate", "--vault"]).envs(settings(vault)));
    assert_eq!(code, Some(0), "{text}");
    let (_, key) = text
        .trim()
        .split_once(':')
        .expect("the ring has a name and a key");
    assert!(key.starts_with("vault:v1:="), "{text}");
    text.trim().to_owned()
}

#[tokio::test]
async fn the_service_starts_with_keys_wrapped_by_vault() {
    let vault = Vault::start();
    let ring = wrapped_ring(&vault);
    let app = TestApp::start(fixture::platform()).await;
    let mut environment = settings(&vault);
    environment.extend([
        (
            "MAINSTAY_DATABASE_URL",
            app.database_url().expose_secret().to_owned(),
        ),
        (
            "MAINSTAY_DATABASE_OWNER_URL",
            app.owner_url().expose_secret().to_owned(),
        ),
        ("MAINSTAY_CRYPTO_KEYS", ring.clone()),
    ]);

    let before = vault.request_count();
    let (code, text) = finish(program(["key-ring", "status"]).envs(environment.clone()));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(ring.split(':').next().expect("the name is present"))
            && text.contains("primary"),
        "{text}"
    );
    assert_eq!(
        vault.request_count(),
        before + 1,
        "Vault is asked once, at the start"
    );

    environment.retain(|(name, _)| *name != "MAINSTAY_DATABASE_OWNER_URL");
    environment.extend([
        ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
        ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
    ]);

    let mut serving = Serving::start(program(["serve"]).envs(environment));
    let (api, _) = serving.addresses();

    // Vault may fail now: the keys are in memory.
    vault.feel(Mood::Status(503));
    assert_eq!(
        send(api, "GET", "/.well-known/jwks.json", "", "")
            .await
            .status,
        200
    );
    assert!(!serving.log().contains("canary"), "{}", serving.log());
}

/// OWASP ASVS 13.3.1, 16.5.1: an error of Vault is reported with its cause, but without a key,
/// ciphertext or token.
#[test]
fn errors_of_vault_are_reported_without_secrets() {
    let vault = Vault::start();
    let ring = wrapped_ring(&vault);
    let key: String = ring
        .rsplit(':')
        .next()
        .expect("the key is present")
        .chars()
        .rev()
        .collect();

    let start = |ring: &str, changed: &[(&'static str, &str)]| {
        let mut environment = settings(&vault);
        environment.push(("MAINSTAY_CRYPTO_KEYS", ring.to_owned()));
        environment.push((
            "MAINSTAY_DATABASE_OWNER_URL",
            "postgres://u:p@127.0.0.1:1/d?sslmode=verify-full".to_owned(),
        ));
        environment.extend(
            changed
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );

        let (code, text) = finish(program(["key-ring", "status"]).envs(environment));
        assert_eq!(code, Some(1), "{text}");

        for secret in [
            TOKEN,
            &key[..20],
            ring.rsplit(':').next().expect("the key is present"),
        ] {
            assert!(!text.contains(secret), "{text}");
        }

        text
    };

    let assert_reported = |mood, expected: &str| {
        vault.feel(mood);
        let text = start(&ring, &[]);
        assert!(
            text.contains("entry 1") && text.contains(expected),
            "{expected}: {text}"
        );
    };

    assert_reported(Mood::Status(403), "its policy does not allow this");
    assert_reported(Mood::Status(503), "sealed or in standby");
    assert_reported(Mood::Silent, "timed out");
    assert_reported(Mood::Nonsense, "contains no key");
    assert_reported(Mood::Elsewhere, "status 307");
    vault.feel(Mood::Well);

    let foreign = start(&ring.replace("vault:v1:=", "vault:v1:x"), &[]);
    assert!(
        foreign.contains("created with another transit key"),
        "{foreign}"
    );

    let wrong = start(&ring, &[("MAINSTAY_CRYPTO_VAULT_TOKEN", "hvs.another")]);
    assert!(wrong.contains("status 403"), "{wrong}");

    let nowhere = start(
        &ring,
        &[("MAINSTAY_CRYPTO_VAULT_URL", "http://127.0.0.1:1")],
    );
    assert!(nowhere.contains("connection failed"), "{nowhere}");

    let unset = start(&ring, &[("MAINSTAY_CRYPTO_VAULT_TOKEN", "")]);
    assert!(unset.contains("entry 1"), "{unset}");

    // In production, a URL without TLS or with credentials is refused.
    let before = vault.request_count();

    for (name, value) in [
        ("MAINSTAY_ENVIRONMENT", "production".to_owned()),
        (
            "MAINSTAY_CRYPTO_VAULT_URL",
            "http://vault.example:8200".to_owned(),
        ),
        (
            "MAINSTAY_CRYPTO_VAULT_URL",
            format!("http://user@{}", vault.address),
        ),
    ] {
        let refused = start(&ring, &[(name, &value)]);
        assert!(refused.contains("must be https"), "{refused}");
    }

    assert_eq!(vault.request_count(), before);
}
