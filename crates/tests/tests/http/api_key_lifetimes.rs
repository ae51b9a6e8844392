//! How a key loses its rights and ends, and who manages keys.

use mainstay::{
    access::BuiltInRole::{Agent, Auditor, Manager, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::TestApp;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    api_keys::{new_key, with},
    create, customer,
    people::within_a_second,
    start,
};

/// A key never has more permissions than its owner's current role (OWASP ASVS 8.3.2).
#[tokio::test]
async fn a_key_loses_permissions_with_its_owners_role() {
    let app = start().await;
    let manager = app.actor(Manager).await;
    let scoped = new_key(
        &manager,
        json!({ "name": "a", "scopes": ["customers.reveal", "customers.read"] }),
    )
    .await;

    let whole = new_key(&manager, json!({ "name": "b" })).await;
    let path = format!(
        "{}/personal-data",
        create(&manager, customer("Ada", "ada@example.org")).await
    );

    for key in [&scoped, &whole] {
        with(&app, key).get(&path).await.assert_status(200);
    }

    let demote = r"
        UPDATE memberships
        SET role_id = (SELECT id FROM roles WHERE name = 'agent')
        WHERE user_id = $1
    ";
    app.owner()
        .await
        .run(demote, [manager.user().uuid().into()])
        .await
        .unwrap();

    for key in [&scoped, &whole] {
        within_a_second(&with(&app, key), &path, 403).await;
        with(&app, key)
            .get("/v1/customers")
            .await
            .assert_status(200);
    }
}

/// OWASP ASVS 7.4.2.
#[tokio::test]
async fn a_key_ends_with_the_membership_for_good() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let key = with(&app, &new_key(&agent, json!({ "name": "a" })).await);

    key.get("/v1/me").await.assert_status(200);

    let mut database = app.owner().await;
    let leave = r"
        DELETE FROM memberships
        WHERE user_id = $1
        RETURNING organization_id, role_id
    ";
    let rows = database
        .run(leave, [agent.user().uuid().into()])
        .await
        .unwrap();
    let [organization, role]: [mainstay_database::Uuid; 2] =
        [rows[0].get(0).unwrap(), rows[0].get(1).unwrap()];

    within_a_second(&key, "/v1/me", 401).await;
    let join = r"
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        VALUES ($1, $2, $3, now())
    ";
    database
        .run(
            join,
            [agent.user().uuid().into(), organization.into(), role.into()],
        )
        .await
        .unwrap();

    key.get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_ends_when_its_owner_is_deactivated() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let key = with(&app, &new_key(&agent, json!({ "name": "a" })).await);

    key.get("/v1/me").await.assert_status(200);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    within_a_second(&key, "/v1/me", 401).await;
}

/// OWASP ASVS 7.4.1, 7.4.2: at once where it was revoked, and within a second on every replica.
#[tokio::test]
async fn a_revoked_key_is_refused_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let made = new_key(&agent, json!({ "name": "a" })).await;
    let (local, remote) = (with(&app, &made), replica.client_of(&with(&app, &made)));

    local.get("/v1/me").await.assert_status(200);
    remote.get("/v1/me").await.assert_status(200);

    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    other.delete(&path).await.assert_problem(404, "not_found");
    agent.delete(&path).await.assert_status(204);
    local
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    agent.delete(&path).await.assert_problem(404, "not_found");
    agent.get(&path).await.assert_problem(404, "not_found");
    assert_eq!(agent.get("/v1/api-keys").await.json()["items"], json!([]));
}

/// OWASP ASVS 11.2.2: each key expires, at the latest when the operator's limit says.
#[tokio::test]
async fn a_key_expires() {
    let start = Timestamp::UNIX_EPOCH + Duration::days(20_000);
    let clock = Clock::manual(start);
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.api_key_max_lifetime", "100d")
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let refused = agent
        .post(
            "/v1/api-keys",
            json!({ "name": "a", "expires_in_days": 101 }),
        )
        .await;

    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/expires_in_days"]
    );

    let usual = new_key(&agent, json!({ "name": "usual" })).await;
    assert_eq!(usual["expires_at"], json!(start + Duration::days(90)));

    let (usual, short) = (
        with(&app, &usual),
        new_key(&agent, json!({ "name": "b", "expires_in_days": 1 })).await,
    );
    let short = with(&app, &short);

    clock.advance(Duration::DAY - Duration::SECOND);
    short.get("/v1/me").await.assert_status(200);

    clock.advance(Duration::SECOND);
    short
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    usual.get("/v1/me").await.assert_status(200);

    clock.advance(Duration::days(89));
    usual
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

/// OWASP ASVS 7.5.1, 7.5.3: a stolen key cannot be used to get another key, a session or the
/// account.
#[tokio::test]
async fn a_key_cannot_manage_the_account() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let scopes = ["service_accounts.manage", "customers.read"];
    let made = new_key(&owner, json!({ "name": "a", "scopes": scopes })).await;

    let account = owner
        .post(
            "/v1/service-accounts",
            json!({ "name": "export", "role": "agent" }),
        )
        .await
        .location();

    let key = with(&app, &made);
    key.post("/v1/api-keys", json!({ "name": "b" }))
        .await
        .assert_problem(403, "forbidden");
    key.get("/v1/api-keys")
        .await
        .assert_problem(403, "forbidden");
    key.delete(&format!("/v1/api-keys/{}", made["id"].as_str().unwrap()))
        .await
        .assert_problem(403, "forbidden");
    key.get("/v1/sessions")
        .await
        .assert_problem(403, "forbidden");
    key.delete("/v1/sessions")
        .await
        .assert_problem(403, "forbidden");

    let step_up = json!({ "password": mainstay_testing::PASSWORD });
    key.post("/v1/sessions/current/step-up", step_up)
        .await
        .assert_problem(403, "forbidden");

    let body = json!({ "name": "c" });
    key.post(&format!("{account}/keys"), body)
        .await
        .assert_problem(401, "step_up_required");
    key.post(&format!("{account}/secrets"), json!({}))
        .await
        .assert_problem(401, "step_up_required");
}

/// OWASP ASVS 7.5.3.
#[tokio::test]
async fn creating_a_key_requires_a_step_up() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", "30m")
        .start()
        .await;
    let agent = app.actor(Agent).await;

    clock.advance(Duration::minutes(11));
    agent
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_problem(401, "step_up_required");
}

/// OWASP ASVS 11.4.1, 14.2.4: the key is shown once, and a dump contains no usable key.
#[tokio::test]
async fn a_key_is_stored_as_its_hash() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let made = new_key(&agent, json!({ "name": "canary" })).await;

    with(&app, &made).get("/v1/me").await.assert_status(200);

    let secret = &made["key"].as_str().unwrap()[37..];
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let dump = r"
        SELECT k::text
        FROM api_keys k
        UNION ALL
        SELECT a::text
        FROM audit_events a
    ";
    let rows = app.owner().await.run(dump, []).await.unwrap();
    let dump: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();

    assert!(dump.iter().any(|row| row.contains("canary")));
    assert!(
        dump.iter()
            .all(|row| !row.contains(secret) && !row.contains(&hex))
    );

    let shown = agent
        .get(&format!("/v1/api-keys/{}", made["id"].as_str().unwrap()))
        .await
        .assert_status(200)
        .json();

    assert!(!shown.to_string().contains(secret) && shown["name"] == "canary");
    assert!(!agent.get("/v1/api-keys").await.text().contains(secret));
}

#[tokio::test]
async fn a_replica_that_stops_stores_when_a_key_was_used() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let made = new_key(&agent, json!({ "name": "a" })).await;
    let last_used =
        async || agent.get("/v1/api-keys").await.json()["items"][0]["last_used_at"].clone();

    assert_eq!(last_used().await, Value::Null);
    replica
        .client_of(&with(&app, &made))
        .get("/v1/me")
        .await
        .assert_status(200);

    replica.stop().await;
    assert!(last_used().await.is_string());
}

/// OWASP ASVS 7.4.5: an administrator can list and revoke all keys.
#[tokio::test]
async fn an_administrator_lists_and_revokes_all_keys() {
    let app = start().await;
    let (agent, manager, auditor) = (
        app.actor(Agent).await,
        app.actor(Manager).await,
        app.actor(Auditor).await,
    );

    let stranger = app.stranger(Owner).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(new_key(&agent, json!({ "name": name })).await["id"].clone());
    }

    new_key(&manager, json!({ "name": "d" })).await;
    let foreign = new_key(&stranger, json!({ "name": "e" })).await;

    let page = manager
        .get("/v1/organization/api-keys?limit=2")
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        (&page["items"][0]["name"], &page["items"][1]["name"]),
        (&json!("d"), &json!("c"))
    );

    let next = format!(
        "/v1/organization/api-keys?limit=2&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    assert_eq!(manager.get(&next).await.json()["items"][1]["id"], ids[0]);

    let own = manager
        .get(&format!(
            "/v1/organization/api-keys?user_id={}",
            agent.user()
        ))
        .await
        .json();

    assert_eq!(own["items"].as_array().unwrap().len(), 3);

    let path = format!("/v1/organization/api-keys/{}", ids[0].as_str().unwrap());

    for powerless in [&agent, &auditor] {
        powerless
            .get("/v1/organization/api-keys")
            .await
            .assert_problem(403, "forbidden");
        powerless
            .delete(&path)
            .await
            .assert_problem(403, "forbidden");
    }

    stranger
        .delete(&path)
        .await
        .assert_problem(404, "not_found");

    let elsewhere = format!(
        "/v1/organization/api-keys/{}",
        foreign["id"].as_str().unwrap()
    );
    manager
        .delete(&elsewhere)
        .await
        .assert_problem(404, "not_found");
    with(&app, &foreign).get("/v1/me").await.assert_status(200);
    manager.delete(&path).await.assert_status(204);
    manager.delete(&path).await.assert_problem(404, "not_found");

    let listed = manager.get("/v1/organization/api-keys").await.json();
    let revoked = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == ids[0])
        .unwrap();

    assert!(revoked["revoked_at"].is_string());
}

/// OWASP ASVS 2.4.1; API Security Top 10 2023, API4.
#[tokio::test]
async fn the_number_of_keys_is_limited() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let first = new_key(&agent, json!({ "name": "0" })).await;

    for number in 1..100 {
        new_key(&agent, json!({ "name": number.to_string() })).await;
    }

    agent
        .post("/v1/api-keys", json!({ "name": "one more" }))
        .await
        .assert_problem(409, "too_many_keys");
    agent
        .delete(&format!("/v1/api-keys/{}", first["id"].as_str().unwrap()))
        .await
        .assert_status(204);

    new_key(&agent, json!({ "name": "one more" })).await;
}
