//! The commands `organization list` and `organization revoke`, for an organization whose
//! credentials may have leaked.

use std::time::{Duration, Instant};

use mainstay::kernel::ExposeSecret as _;
use mainstay_access::BuiltInRole::{Agent, Owner};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::program::{finish, program, secrets};

/// OWASP ASVS 7.4.5: an operator ends all sessions in an organization.
#[tokio::test]
async fn an_operator_revokes_all_credentials_of_an_organization() {
    let app = TestApp::start(fixture::platform()).await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    assert_eq!(owner.organization(), agent.organization());

    let stranger = app.stranger(Owner).await;
    let key = |name: &'static str| json!({ "name": name, "scopes": ["customers.read"] });
    let made = agent.post("/v1/api-keys", key("ours")).await.json();
    let ours = app
        .anonymous()
        .with_token(made["key"].as_str().expect("the key is present"));
    let made = stranger.post("/v1/api-keys", key("theirs")).await.json();

    let theirs = app
        .anonymous()
        .with_token(made["key"].as_str().expect("the key is present"));
    let replica = app.second_replica().await;
    for client in [&*owner, &agent, &ours, &theirs] {
        client.get("/v1/me").await.assert_status(200);
        replica
            .client_of(client)
            .get("/v1/me")
            .await
            .assert_status(200);
    }

    // An operator's pod has both the owner's URL and the service's.
    let mut environment = secrets(app.database_url().expose_secret());
    environment.push((
        "MAINSTAY_DATABASE_OWNER_URL",
        app.owner_url().expose_secret().to_owned(),
    ));

    let run = |arguments: &[&str]| {
        finish(program(["organization"].iter().chain(arguments)).envs(environment.clone()))
    };
    let organization = owner.organization().to_string();
    let (code, text) = run(&["list"]);

    assert!(
        code == Some(0) && text.contains(&organization) && text.contains("members 2"),
        "{text}"
    );

    let (code, text) = run(&["revoke", "00000000-0000-7000-8000-000000000000"]);
    assert!(
        code == Some(1) && text.contains("no organization has this ID"),
        "{text}"
    );

    let (code, text) = run(&["revoke", &organization]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("ended 2 sessions")
            && text.contains("revoked 1 API keys and 0 client secrets"),
        "{text}"
    );

    let revoked = Instant::now();
    let here = [(&*owner, "owner"), (&*agent, "agent"), (&ours, "key")];
    let elsewhere = here.map(|(client, who)| (replica.client_of(client), who));
    for (refused, who) in here
        .into_iter()
        .chain(elsewhere.iter().map(|(client, who)| (client, *who)))
    {
        while refused.get("/v1/me").await.status != 401 {
            assert!(
                revoked.elapsed() < Duration::from_secs(1),
                "the {who} still has access"
            );
            tokio::task::yield_now().await;
        }
    }

    for client in [&*stranger, &theirs] {
        client.get("/v1/me").await.assert_status(200);
    }

    let recorded = r"
        SELECT organization_id, after::text
        FROM audit_events
        WHERE operation = 'organization_revoke'
          AND action = 'authn_token_revoked'
          AND resource = 'organization'
          AND resource_id = organization_id
    ";
    let rows = app
        .owner()
        .await
        .run(recorded, [])
        .await
        .expect("the rows are read");

    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0]
            .get::<mainstay_database::Uuid>(0)
            .expect("the column is a UUID"),
        owner.organization().uuid()
    );

    let counts: serde_json::Value =
        serde_json::from_str(&rows[0].get::<String>(1).expect("the column is text"))
            .expect("the text is JSON");
    let expected =
        json!({ "ended_sessions": 2, "revoked_api_keys": 1, "revoked_client_secrets": 0 });

    assert_eq!(counts, expected);
}
