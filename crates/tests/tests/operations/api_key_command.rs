//! The commands `api-key list` and `api-key revoke`.

use std::time::{Duration, Instant};

use mainstay::kernel::ExposeSecret as _;
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use serde_json::json;

use crate::program::{finish, program, secrets};

/// OWASP ASVS 7.4.5: an operator revokes a leaked key by the key itself.
#[tokio::test]
async fn an_operator_lists_keys_and_revokes_one_that_leaked() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let made = agent
        .post(
            "/v1/api-keys",
            json!({ "name": "leaky", "scopes": ["customers.read"] }),
        )
        .await
        .json();

    let [id, key] = ["id", "key"].map(|member| {
        made[member]
            .as_str()
            .expect("the column is text")
            .to_owned()
    });
    let client = app.anonymous().with_token(&key);
    client.get("/v1/me").await.assert_status(200);

    let environment = secrets(app.database_url().expose_secret());
    let run = |arguments: &[&str]| {
        finish(program(["api-key"].iter().chain(arguments)).envs(environment.clone()))
    };

    let (organization, user) = (agent.organization().to_string(), agent.user().to_string());
    for of in [&["--organization", &organization][..], &[&user]] {
        let (code, text) = run(&[&["list"], of].concat());
        assert_eq!(code, Some(0), "{text}");
        for shown in [&id, "leaky", "customers.read", "revoked never"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        assert!(!text.contains(&key[37..]), "{text}");
    }

    assert_eq!(
        run(&["list"]).0,
        Some(2),
        "an account or organization is required"
    );

    let (code, text) = run(&["list", "00000000-0000-7000-8000-000000000000"]);
    assert!(code == Some(1) && text.contains("no account"), "{text}");

    let other = app.actor(Agent).await;
    assert!(
        run(&["list", &other.user().to_string()])
            .1
            .contains("No keys.")
    );

    assert_eq!(
        run(&["revoke", &format!("{key}0")]).0,
        Some(1),
        "a mistyped key revokes nothing"
    );
    client.get("/v1/me").await.assert_status(200);

    let (code, text) = run(&["revoke", &key]);
    assert_eq!(code, Some(0), "{text}");

    let revoked = Instant::now();
    while client.get("/v1/me").await.status != 401 {
        assert!(
            revoked.elapsed() < Duration::from_secs(1),
            "the key is still accepted"
        );
        tokio::task::yield_now().await;
    }

    assert_eq!(
        run(&["revoke", &id]).0,
        Some(1),
        "the key is already revoked"
    );

    let recorded = r"
        SELECT organization_id
        FROM audit_events
        WHERE operation = 'api_key_revoke'
          AND action = 'authn_token_revoked'
          AND resource_id::text = $1
    ";
    let rows = app
        .owner()
        .await
        .run(recorded, [id.into()])
        .await
        .expect("the rows are read");

    let organizations: Vec<mainstay_database::Uuid> = rows
        .iter()
        .map(|row| row.get(0).expect("the column is a UUID"))
        .collect();
    assert_eq!(organizations, [agent.organization().uuid()]);
}
