//! The permissions of a key or secret follow its creator, or the person who took it over: never
//! more than theirs, nor more than at its creation (OWASP ASVS 8.3.2, 8.2.1).

use mainstay::access::BuiltInRole::{Agent, Manager, Owner};
use mainstay_testing::{Actor, Client, TestApp};
use serde_json::{Value, json};

use crate::{
    create, customer, oauth_support,
    people::{again, member_path, promote, recorded, within_a_second},
    start,
};

/// A service account with a key that a manager created.
struct Stage {
    app: TestApp,
    owner: Actor,
    manager: Actor,
    account: String,
    key: Value,
    sealed: String,
}

impl Stage {
    async fn set(role: &str) -> Self {
        let app = start().await;
        let (owner, manager) = (app.actor(Owner).await, app.actor(Manager).await);
        let account = manager
            .post(
                "/v1/service-accounts",
                json!({ "name": "export", "role": role }),
            )
            .await;

        let account = account.assert_status(201).location();
        let key = manager
            .post(&format!("{account}/keys"), json!({ "name": "a" }))
            .await
            .assert_status(201)
            .json();

        let sealed = format!(
            "{}/personal-data",
            create(&owner, customer("Ada", "ada@example.org")).await
        );

        Self {
            app,
            owner,
            manager,
            account,
            key,
            sealed,
        }
    }

    fn client(&self) -> Client {
        self.app
            .anonymous()
            .with_token(self.key["key"].as_str().unwrap())
    }

    fn path(&self) -> String {
        format!("{}/keys/{}", self.account, self.key["id"].as_str().unwrap())
    }

    async fn take_over(&self, by: &Client) -> mainstay_testing::Answer {
        by.request(
            mainstay_http::Method::PUT,
            &format!("{}/sponsor", self.path()),
        )
        .send()
        .await
    }
}

#[tokio::test]
async fn a_key_gains_permissions_only_when_an_owner_takes_it_over() {
    let stage = Stage::set("agent").await;
    let (owner, key) = (&stage.owner, stage.client());
    key.get("/v1/customers").await.assert_status(200);
    owner
        .patch(&stage.account, json!({ "role": "manager" }))
        .await
        .assert_status(200);
    key.get(&stage.sealed)
        .await
        .assert_problem(403, "forbidden");
    key.get("/v1/customers").await.assert_status(200);

    let listed = owner.get(&format!("{}/keys", stage.account)).await.json()["items"][0].clone();
    let maker = json!(stage.manager.user());
    assert_eq!(
        (&listed["made_by"], &listed["sponsor_id"]),
        (&maker, &maker)
    );
    assert!(
        !listed["permissions"]
            .to_string()
            .contains("customers.reveal"),
        "{listed}"
    );

    stage
        .take_over(&stage.manager)
        .await
        .assert_problem(403, "privilege_exceeds_own");
    stage.take_over(owner).await.assert_status(204);
    key.get(&stage.sealed).await.assert_status(200);

    // Administrative permissions still require a scope.
    key.get("/v1/invitations")
        .await
        .assert_problem(403, "forbidden");

    let listed = owner.get("/v1/organization/api-keys").await.json()["items"][0].clone();
    assert_eq!(
        (&listed["made_by"], &listed["sponsor_id"]),
        (&maker, &json!(owner.user()))
    );

    let (resource, before, after) = recorded(&stage.app, "authz_change").await;
    assert_eq!(json!(resource), stage.key["id"]);
    assert_eq!(
        (&before["sponsor_id"], &after["sponsor_id"]),
        (&maker, &json!(owner.user()))
    );
}

#[tokio::test]
async fn a_key_loses_permissions_with_its_creator_on_every_replica() {
    let stage = Stage::set("manager").await;
    let (owner, local) = (&stage.owner, stage.client());
    let replica = stage.app.second_replica().await;
    let remote = replica.client_of(&local);

    for client in [&local, &remote] {
        client.get(&stage.sealed).await.assert_status(200);
    }

    promote(owner, &stage.manager, "agent").await;
    local
        .get(&stage.sealed)
        .await
        .assert_problem(403, "forbidden");

    within_a_second(&remote, &stage.sealed, 403).await;
    remote.get("/v1/customers").await.assert_status(200);

    promote(owner, &stage.manager, "manager").await;
    within_a_second(&remote, &stage.sealed, 200).await;
    owner
        .delete(&member_path(&stage.manager))
        .await
        .assert_status(204);
    local
        .get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");

    within_a_second(&remote, "/v1/customers", 403).await;

    stage.take_over(owner).await.assert_status(204);
    local.get(&stage.sealed).await.assert_status(200);

    within_a_second(&remote, &stage.sealed, 200).await;
}

/// A person who returns is a new member: their old keys stay invalid.
#[tokio::test]
async fn a_key_stays_invalid_when_its_creator_returns() {
    let stage = Stage::set("agent").await;
    let key = stage.client();
    stage
        .owner
        .delete(&member_path(&stage.manager))
        .await
        .assert_status(204);
    key.get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");

    let join = r"
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, $2, id, now()
        FROM roles
        WHERE name = 'owner'
    ";
    let values = [
        stage.manager.user().uuid().into(),
        stage.owner.organization().uuid().into(),
    ];
    stage.app.owner().await.run(join, values).await.unwrap();

    key.get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_key_does_not_work_while_its_creator_is_deactivated() {
    let stage = Stage::set("agent").await;
    let key = stage.client();
    key.get("/v1/customers").await.assert_status(200);

    let set = async |active: bool| {
        let set = "UPDATE users SET active = $2 WHERE id = $1";
        stage
            .app
            .owner()
            .await
            .run(set, [stage.manager.user().uuid().into(), active.into()])
            .await
            .unwrap();
    };

    set(false).await;
    within_a_second(&key, "/v1/customers", 403).await;
    set(true).await;
    within_a_second(&key, "/v1/customers", 200).await;
}

/// A change of the role's permissions counts too.
#[tokio::test]
async fn a_key_loses_permissions_with_its_creators_role() {
    let stage = Stage::set("agent").await;
    let key = stage.client();
    key.get("/v1/customers").await.assert_status(200);
    let take = r"
        DELETE FROM role_permissions
        WHERE permission = 'customers.read'
          AND role_id = (SELECT id FROM roles WHERE name = 'manager')
    ";
    stage.app.owner().await.run(take, []).await.unwrap();
    within_a_second(&key, "/v1/customers", 403).await;
}

#[tokio::test]
async fn a_promotion_adds_no_permissions_to_old_keys() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let made = agent
        .post("/v1/api-keys", json!({ "name": "old" }))
        .await
        .assert_status(201)
        .json();

    let old = app.anonymous().with_token(made["key"].as_str().unwrap());
    let sealed = format!(
        "{}/personal-data",
        create(&owner, customer("Ada", "ada@example.org")).await
    );

    promote(&owner, &agent, "manager").await;
    old.get(&sealed).await.assert_problem(403, "forbidden");
    old.get("/v1/customers").await.assert_status(200);

    let fresh = again(&app, &agent).await;
    let made = fresh
        .post("/v1/api-keys", json!({ "name": "new" }))
        .await
        .assert_status(201)
        .json();

    app.anonymous()
        .with_token(made["key"].as_str().unwrap())
        .get(&sealed)
        .await
        .assert_status(200);

    let listed = fresh.get("/v1/api-keys").await.json();
    let own = json!(agent.user());
    assert_eq!(
        (
            &listed["items"][0]["made_by"],
            &listed["items"][0]["sponsor_id"]
        ),
        (&own, &own)
    );
}

#[tokio::test]
async fn tokens_of_a_secret_follow_its_creator_too() {
    let stage = Stage::set("agent").await;
    let (app, owner) = (&stage.app, &stage.owner);
    let made = stage
        .manager
        .post(&format!("{}/secrets", stage.account), json!({}))
        .await;
    let (path, made) = (made.assert_status(201).location(), made.json());

    let ask = async |scope: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", made["client_id"].as_str().unwrap()),
            ("client_secret", made["client_secret"].as_str().unwrap()),
            ("scope", scope),
        ];
        oauth_support::token(app, &fields).await
    };

    let machine = async |scope: &str| {
        let tokens = ask(scope).await.assert_status(200).json();
        app.anonymous()
            .with_token(tokens["access_token"].as_str().unwrap())
    };

    let narrow = machine("customers.read").await;
    narrow.get("/v1/customers").await.assert_status(200);

    owner
        .patch(&stage.account, json!({ "role": "manager" }))
        .await
        .assert_status(200);
    ask("customers.reveal")
        .await
        .assert_problem(400, "invalid_scope");
    owner
        .delete(&member_path(&stage.manager))
        .await
        .assert_status(204);
    narrow
        .get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");
    ask("customers.read")
        .await
        .assert_problem(400, "invalid_scope");

    let shown = owner.get(&path).await.assert_status(200).json();
    assert_eq!(
        (&shown["made_by"], &shown["sponsor_id"]),
        (&json!(stage.manager.user()), &json!(stage.manager.user()))
    );

    let take = owner.request(mainstay_http::Method::PUT, &format!("{path}/sponsor"));
    take.send().await.assert_status(204);
    narrow.get("/v1/customers").await.assert_status(200);
    machine("customers.reveal")
        .await
        .get(&stage.sealed)
        .await
        .assert_status(200);
}
