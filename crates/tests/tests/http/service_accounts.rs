//! `/v1/service-accounts/…`: accounts of programs, their keys and their secrets.

use mainstay::access::BuiltInRole::{Agent, Manager, Owner};
use mainstay_testing::{Actor, Client, TestApp};
use serde_json::{Value, json};

use crate::{customer, people::within_a_second, start};

/// Creates a service account and returns its path.
async fn new_account(by: &Actor, role: &str) -> String {
    by.post(
        "/v1/service-accounts",
        json!({ "name": "export", "role": role }),
    )
    .await
    .assert_status(201)
    .location()
}

async fn new_key(by: &Actor, account: &str, body: Value) -> Value {
    by.post(&format!("{account}/keys"), body)
        .await
        .assert_status(201)
        .json()
}

fn with(app: &TestApp, key: &Value) -> Client {
    app.anonymous().with_token(key["key"].as_str().unwrap())
}

#[tokio::test]
async fn a_service_account_calls_by_its_key() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = new_account(&owner, "agent").await;
    let key = new_key(&owner, &path, json!({ "name": "first" })).await;
    let client = with(&app, &key);
    let me = client.get("/v1/me").await.assert_status(200).json();

    assert_eq!(
        (&me["name"], &me["email"], &me["role"]),
        (&json!("export"), &Value::Null, &json!("agent"))
    );
    assert_eq!(
        path,
        format!("/v1/service-accounts/{}", me["user_id"].as_str().unwrap())
    );
    client
        .post("/v1/customers", customer("Ada", "ada@example.org"))
        .await
        .assert_status(201);
    client
        .get("/v1/audit/events")
        .await
        .assert_problem(403, "forbidden");

    // It is not a person: it has no sessions, password or address.
    client
        .get("/v1/sessions")
        .await
        .assert_problem(403, "forbidden");

    let listed = owner.get(&format!("{path}/keys")).await.json();
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["user_id"]),
        (&key["id"], &me["user_id"])
    );
    assert!(!listed.to_string().contains(key["key"].as_str().unwrap()));

    let shown = owner
        .get(&format!("{path}/keys/{}", key["id"].as_str().unwrap()))
        .await
        .assert_status(200)
        .json();

    assert_eq!(shown["name"], "first");
}

#[tokio::test]
async fn an_account_can_be_listed_renamed_and_given_another_role() {
    let app = start().await;
    let (owner, stranger) = (app.actor(Owner).await, app.stranger(Owner).await);
    let path = new_account(&owner, "agent").await;
    let key = with(&app, &new_key(&owner, &path, json!({ "name": "a" })).await);

    key.get("/v1/audit/events")
        .await
        .assert_problem(403, "forbidden");

    let renamed = owner
        .patch(&path, json!({ "name": "nightly", "role": "auditor" }))
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        (&renamed["name"], &renamed["role"], &renamed["active"]),
        (&json!("nightly"), &json!("auditor"), &json!(true))
    );

    // An older key keeps its permissions; see `sponsors.rs`.
    key.get("/v1/audit/events")
        .await
        .assert_problem(403, "forbidden");

    let new = with(&app, &new_key(&owner, &path, json!({ "name": "b" })).await);
    new.get("/v1/audit/events").await.assert_status(200);
    assert_eq!(
        owner.get("/v1/service-accounts").await.json()["items"],
        json!([renamed])
    );
    assert_eq!(owner.get(&path).await.json(), renamed);

    let records = owner
        .get("/v1/audit/events?action=authz_change")
        .await
        .json();
    assert_eq!(records["items"][0]["operation"], "update_service_account");
    owner
        .patch(&path, json!({ "role": "no-such-role" }))
        .await
        .assert_problem(422, "invalid_input");

    let unknown = json!({ "name": "x", "role": "no-such-role" });
    owner
        .post("/v1/service-accounts", unknown)
        .await
        .assert_problem(422, "invalid_input");
    for refused in [
        stranger.get(&path).await,
        stranger.patch(&path, json!({ "name": "mine" })).await,
    ] {
        refused.assert_problem(404, "not_found");
    }
}

/// These operations do not manage people, for any caller.
#[tokio::test]
async fn a_person_is_not_a_service_account() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let path = format!("/v1/service-accounts/{}", agent.user());

    owner.get(&path).await.assert_problem(404, "not_found");
    owner
        .patch(&path, json!({ "active": false }))
        .await
        .assert_problem(404, "not_found");
    owner.delete(&path).await.assert_problem(404, "not_found");
    owner
        .post(&format!("{path}/keys"), json!({ "name": "theirs" }))
        .await
        .assert_problem(404, "not_found");
    owner
        .post(&format!("{path}/secrets"), json!({}))
        .await
        .assert_problem(404, "not_found");

    let own = agent
        .post("/v1/api-keys", json!({ "name": "own" }))
        .await
        .assert_status(201)
        .json();

    let key = format!("{path}/keys/{}", own["id"].as_str().unwrap());
    owner.delete(&key).await.assert_problem(404, "not_found");
    with(&app, &own).get("/v1/me").await.assert_status(200);
}

/// OWASP ASVS 8.2.1, 8.3.1: a service account gives no one permissions that they do not have.
#[tokio::test]
async fn a_service_account_cannot_exceed_its_creators_permissions() {
    let app = start().await;
    let (owner, manager) = (app.actor(Owner).await, app.actor(Manager).await);

    // With the role of a new account.
    for role in ["owner", "auditor"] {
        let body = json!({ "name": "escalation", "role": role });
        manager
            .post("/v1/service-accounts", body)
            .await
            .assert_problem(403, "privilege_exceeds_own");
    }

    let own = new_account(&manager, "agent").await;
    // With a change of role.
    manager
        .patch(&own, json!({ "role": "owner" }))
        .await
        .assert_problem(403, "privilege_exceeds_own");
    assert_eq!(owner.get(&own).await.json()["role"], "agent");

    // Even an owner cannot make a service account an owner.
    owner
        .patch(&own, json!({ "role": "owner" }))
        .await
        .assert_problem(403, "privilege_exceeds_own");

    // With a credential of an account with more permissions.
    let mighty = new_account(&owner, "auditor").await;
    let (keys, secrets) = (format!("{mighty}/keys"), format!("{mighty}/secrets"));

    manager
        .post(&keys, json!({ "name": "x" }))
        .await
        .assert_problem(403, "privilege_exceeds_own");

    let narrow = json!({ "name": "x", "scopes": ["customers.read"] });
    manager
        .post(&keys, narrow)
        .await
        .assert_problem(403, "privilege_exceeds_own");
    manager
        .post(&secrets, json!({}))
        .await
        .assert_problem(403, "privilege_exceeds_own");

    // Nor can they change, deactivate or delete such an account.
    for body in [
        json!({ "name": "mine" }),
        json!({ "role": "agent" }),
        json!({ "active": false }),
    ] {
        manager
            .patch(&mighty, body)
            .await
            .assert_problem(403, "privilege_exceeds_own");
    }

    manager
        .delete(&mighty)
        .await
        .assert_problem(403, "privilege_exceeds_own");

    // With scopes that they do not have, in case the role gains permissions later.
    let body = json!({ "name": "x", "scopes": ["audit.read"] });
    manager
        .post(&format!("{own}/keys"), body)
        .await
        .assert_problem(403, "privilege_exceeds_own");

    // With a narrower key of their own: what it creates is no wider.
    let narrow = json!({ "name": "x", "scopes": ["service_accounts.manage"] });
    let narrow = manager
        .post("/v1/api-keys", narrow)
        .await
        .assert_status(201)
        .json();

    let body = json!({ "name": "x", "role": "agent" });
    with(&app, &narrow)
        .post("/v1/service-accounts", body)
        .await
        .assert_problem(403, "privilege_exceeds_own");
    with(&app, &narrow)
        .patch(&own, json!({ "name": "x" }))
        .await
        .assert_problem(403, "privilege_exceeds_own");

    // Every attempt is recorded, and none has changed anything.
    let records = owner
        .get("/v1/audit/events?action=authz_fail&limit=100")
        .await
        .json();
    assert_eq!(records["items"].as_array().unwrap().len(), 14, "{records}");
    assert_eq!(owner.get(&mighty).await.json()["name"], "export");
}

/// OWASP ASVS 7.4.2.
#[tokio::test]
async fn a_deactivated_or_deleted_account_is_refused_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let owner = app.actor(Owner).await;
    let path = new_account(&owner, "agent").await;
    let key = new_key(&owner, &path, json!({ "name": "a" })).await;
    let (local, remote) = (with(&app, &key), replica.client_of(&with(&app, &key)));

    remote.get("/v1/me").await.assert_status(200);
    local.get("/v1/me").await.assert_status(200);
    owner
        .patch(&path, json!({ "active": false }))
        .await
        .assert_status(200);
    local
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    owner
        .patch(&path, json!({ "active": true }))
        .await
        .assert_status(200);
    local.get("/v1/me").await.assert_status(200);
    remote.get("/v1/me").await.assert_status(200);

    owner.delete(&path).await.assert_status(204);
    local
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    owner.get(&path).await.assert_problem(404, "not_found");
    owner
        .get(&format!("{path}/keys"))
        .await
        .assert_problem(404, "not_found");

    let left = r"
            SELECT count(*)
            FROM api_keys k
            JOIN users u ON u.id = k.user_id
            WHERE u.kind = 'service'
        ";
    let rows = app.owner().await.run(left, []).await.unwrap();

    assert_eq!(rows[0].get::<i64>(0).unwrap(), 0);

    for action in [
        "user_created",
        "user_archived",
        "user_restored",
        "user_deleted",
    ] {
        let records = owner
            .get(&format!(
                "/v1/audit/events?action={action}&actor_id={}",
                owner.user()
            ))
            .await
            .json();

        assert_eq!(
            records["items"].as_array().unwrap().len(),
            1,
            "{action}: {records}"
        );
    }
}

#[tokio::test]
async fn a_single_key_of_an_account_can_be_revoked() {
    let app = start().await;
    let (owner, stranger) = (app.actor(Owner).await, app.stranger(Owner).await);
    let path = new_account(&owner, "agent").await;
    let (one, other) = (
        new_key(&owner, &path, json!({ "name": "a" })).await,
        new_key(&owner, &path, json!({ "name": "b" })).await,
    );

    with(&app, &one).get("/v1/me").await.assert_status(200);

    let key = format!("{path}/keys/{}", one["id"].as_str().unwrap());
    stranger.delete(&key).await.assert_problem(404, "not_found");

    // The right key under another account.
    let elsewhere = format!(
        "{}/keys/{}",
        new_account(&owner, "agent").await,
        one["id"].as_str().unwrap()
    );

    owner
        .delete(&elsewhere)
        .await
        .assert_problem(404, "not_found");
    owner.get(&elsewhere).await.assert_problem(404, "not_found");
    owner.delete(&key).await.assert_status(204);
    with(&app, &one)
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    with(&app, &other).get("/v1/me").await.assert_status(200);
}

/// OWASP ASVS 10.4.16, 13.3.4: secrets are rotated without interruption, shown once and stored as
/// hashes.
#[tokio::test]
async fn an_account_has_a_limited_number_of_secrets() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = new_account(&owner, "agent").await;
    let secrets = format!("{path}/secrets");
    let first = owner.post(&secrets, json!({ "expires_in_days": 7 })).await;
    let made = first.assert_status(201).json();
    let secret = made["client_secret"].as_str().unwrap();

    assert!(
        path.ends_with(made["client_id"].as_str().unwrap()) && secret.starts_with("mcs_"),
        "{made}"
    );

    let shown = owner.get(&first.location()).await.assert_status(200).json();
    assert_eq!(
        (&shown["id"], &shown["expires_at"]),
        (&made["id"], &made["expires_at"])
    );
    assert!(!owner.get(&secrets).await.text().contains(secret));

    let rows = app
        .owner()
        .await
        .run("SELECT c::text FROM client_secrets c", [])
        .await
        .unwrap();

    assert!(!rows[0].get::<String>(0).unwrap().contains(&secret[4..]));

    for _ in 1..5 {
        owner.post(&secrets, json!({})).await.assert_status(201);
    }
    owner
        .post(&secrets, json!({}))
        .await
        .assert_problem(409, "too_many_secrets");
    owner.delete(&first.location()).await.assert_status(204);
    owner
        .delete(&first.location())
        .await
        .assert_problem(404, "not_found");
    owner.post(&secrets, json!({})).await.assert_status(201);
    assert_eq!(
        owner.get(&secrets).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

/// A secret works at the token endpoint only: it is neither a key nor a password.
#[tokio::test]
async fn a_client_secret_is_not_an_api_key() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = new_account(&owner, "agent").await;
    let made = owner
        .post(&format!("{path}/secrets"), json!({}))
        .await
        .assert_status(201)
        .json();

    let (id, secret) = (
        made["client_id"].as_str().unwrap(),
        made["client_secret"].as_str().unwrap(),
    );
    app.anonymous()
        .with_token(secret)
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let login = json!({ "email": format!("{id}@service"), "password": secret });
    app.anonymous()
        .post("/v1/sessions", login)
        .await
        .assert_problem(401, "invalid_credentials");
}

/// A patch without changes writes and records nothing, for every resource (RFC 7396; OWASP ASVS
/// 16.2.1).
#[tokio::test]
async fn a_patch_without_changes_leaves_no_record() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let account = new_account(&owner, "agent").await;
    let role = json!({ "name": "reader", "permissions": ["customers.read"] });
    let role_path = owner
        .post("/v1/roles", role.clone())
        .await
        .assert_status(201)
        .location();

    let name = owner.get("/v1/organization").await.json()["name"].clone();
    let member = format!("/v1/members/{}", agent.user());
    let same = json!({ "name": "export", "role": "agent", "active": true });
    let before = app.contents().await;

    for (path, body) in [
        (account.as_str(), json!({})),
        (account.as_str(), same),
        (account.as_str(), json!({ "active": true })),
        (role_path.as_str(), json!({})),
        (role_path.as_str(), role),
        ("/v1/organization", json!({})),
        ("/v1/organization", json!({ "name": name })),
        (member.as_str(), json!({})),
        (member.as_str(), json!({ "role": "agent" })),
    ] {
        owner.patch(path, body.clone()).await.assert_status(200);
        assert_eq!(
            app.contents().await.changed_since(&before),
            Vec::<&str>::new(),
            "{path}: {body}"
        );
    }

    owner
        .patch(&account, json!({ "active": false }))
        .await
        .assert_status(200);
    assert!(
        app.contents()
            .await
            .changed_since(&before)
            .contains(&"mainstay.audit_events")
    );
}
