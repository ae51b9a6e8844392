//! A member cannot change resources of someone with more permissions (OWASP ASVS 8.2.1; API
//! Security Top 10 2023, API1 and API5). The operations come from the access matrix.

use mainstay::access::BuiltInRole::Owner;
use mainstay_http::{AccessRow, Method, Requirement, access_matrix};
use mainstay_testing::{Actor, Client, TestApp};
use serde_json::{Value, json};

use crate::{
    people::{again, member_with, role},
    start,
};

/// All administrative permissions and little else: fewer than an owner, an auditor or an agent has.
const ADMINISTRATOR: &[&str] = &[
    "api_keys.manage",
    "customers.read",
    "members.manage",
    "members.read",
    "organization.delete",
    "organization.hand_over",
    "organization.update",
    "roles.manage",
    "roles.read",
    "service_accounts.manage",
];

/// Resources of an owner that an attacker could destroy.
struct Resources {
    owner: Actor,
    session: String,
    key: Value,
    account: String,
    account_key: Value,
    secret: String,
    invitation: String,
    role: String,
}

impl Resources {
    async fn make(app: &TestApp) -> Self {
        let owner = app.actor(Owner).await;
        let named = json!({ "name": "theirs" });
        let key = owner
            .post("/v1/api-keys", named.clone())
            .await
            .assert_status(201)
            .json();

        let account = owner
            .post(
                "/v1/service-accounts",
                json!({ "name": "audit", "role": "auditor" }),
            )
            .await
            .location();

        let account_key = owner
            .post(&format!("{account}/keys"), named)
            .await
            .assert_status(201)
            .json();

        let secret = owner
            .post(&format!("{account}/secrets"), json!({}))
            .await
            .assert_status(201)
            .location();

        let invitation = json!({ "email": "heir@example.org", "role": "owner" });
        let invitation = owner
            .post("/v1/invitations", invitation)
            .await
            .assert_status(201)
            .location();

        let role = role(&owner, "overseer", &["audit.read"]).await;
        let session = owner.get("/v1/me").await.json()["session_id"]
            .as_str()
            .unwrap()
            .to_owned();

        Self {
            owner,
            session,
            key,
            account,
            account_key,
            secret,
            invitation,
            role,
        }
    }

    /// The path of an operation, about the owner's resources, and a body that it takes.
    fn target(&self, row: &AccessRow) -> (String, Value) {
        let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        let ids: &[(&str, String)] = match row.path {
            path if path.starts_with("/v1/members/{user_id}") => &[
                ("{user_id}", self.owner.user().to_string()),
                ("{session_id}", self.session.clone()),
            ],
            path if path.starts_with("/v1/service-accounts/{id}") => &[
                ("{id}", last(&self.account)),
                (
                    "{key_id}",
                    self.account_key["id"].as_str().unwrap().to_owned(),
                ),
                ("{secret_id}", last(&self.secret)),
            ],
            "/v1/organization/api-keys/{id}" => {
                &[("{id}", self.key["id"].as_str().unwrap().to_owned())]
            }
            "/v1/invitations/{id}" => &[("{id}", last(&self.invitation))],
            "/v1/roles/{id}" => &[("{id}", last(&self.role))],
            path => panic!(
                "{path} has a resource: add it here, and check it with `role_exceeds` or `member_exceeds`"
            ),
        };

        let path = ids.iter().fold(row.path.to_owned(), |path, (name, id)| {
            path.replace(name, id)
        });
        assert!(
            !path.contains('{'),
            "{path} has a parameter without a resource"
        );

        let body = match (row.method.as_str(), row.path) {
            ("PATCH", "/v1/members/{user_id}") => json!({ "role": "keeper" }),
            ("PATCH", "/v1/roles/{id}") => json!({ "permissions": ["customers.read"] }),
            ("PATCH", _) => json!({ "active": false }),
            ("POST", "/v1/service-accounts/{id}/keys") => {
                json!({ "name": "mine", "scopes": ["customers.read"] })
            }
            _ => json!({}),
        };

        (path, body)
    }

    /// Asserts that every resource is unchanged.
    async fn assert_untouched(&self, app: &TestApp) {
        self.owner.get("/v1/me").await.assert_status(200);
        for key in [&self.key, &self.account_key] {
            let client = app.anonymous().with_token(key["key"].as_str().unwrap());
            client.get("/v1/audit/events").await.assert_status(200);
        }
        for path in [&self.secret, &self.invitation, &self.role] {
            self.owner.get(path).await.assert_status(200);
        }
        assert_eq!(self.owner.get(&self.account).await.json()["active"], true);
        assert_eq!(
            self.owner.get(&self.role).await.json()["permissions"],
            json!(["audit.read"])
        );

        let listed = self.owner.get("/v1/service-accounts").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    }
}

async fn call(client: &Client, row: &AccessRow, resources: &Resources) -> mainstay_testing::Answer {
    let (path, body) = resources.target(row);
    let method: Method = row.method.parse().unwrap();
    let call = client.request(method.clone(), &path);
    if method == Method::PATCH {
        return client.patch(&path, body).await;
    }
    if method == Method::POST {
        call.json(&body).send().await
    } else {
        call.send().await
    }
}

/// Every operation with an administrative permission that changes the resource in its path.
fn about_others() -> Vec<AccessRow> {
    let rows = access_matrix(fixture::platform().modules()).into_iter();
    let found: Vec<_> = rows
        .filter(|row| row.method != "GET" && row.path.contains('{'))
        .filter(|row| matches!(row.requirement, Requirement::Permission(needed) if needed.administrative))
        .collect();
    assert!(found.len() >= 15, "found only {} operations", found.len());
    found
}

#[tokio::test]
async fn a_lower_role_cannot_change_resources_of_a_higher_one() {
    let app = start().await;
    let resources = Resources::make(&app).await;
    let keeper = again(
        &app,
        &member_with(&app, &resources.owner, "keeper", ADMINISTRATOR).await,
    )
    .await;

    let rows = about_others();

    for row in &rows {
        let answer = call(&keeper, row, &resources).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().code.as_str()),
            (403, "privilege_exceeds_own"),
            "{}",
            row.operation
        );
    }

    resources.assert_untouched(&app).await;

    let refused = resources
        .owner
        .get("/v1/audit/events?action=authz_fail&limit=100")
        .await
        .json();

    assert_eq!(
        refused["items"].as_array().unwrap().len(),
        rows.len(),
        "each refusal is recorded"
    );
}

/// A narrow key of an owner is not an owner: the credential's permissions count.
#[tokio::test]
async fn a_narrow_key_of_an_owner_cannot_exceed_its_permissions() {
    let app = start().await;
    let resources = Resources::make(&app).await;
    let owner = app.actor(Owner).await;

    role(&owner, "keeper", ADMINISTRATOR).await;
    let scopes: Vec<_> = ADMINISTRATOR
        .iter()
        .filter(|name| **name != "organization.delete")
        .collect();

    let made = owner
        .post(
            "/v1/api-keys",
            json!({ "name": "narrow", "scopes": scopes }),
        )
        .await
        .assert_status(201)
        .json();

    let narrow = app.anonymous().with_token(made["key"].as_str().unwrap());

    for row in about_others().iter().filter(|row| row.scoped_machines) {
        call(&narrow, row, &resources)
            .await
            .assert_problem(403, "privilege_exceeds_own");
    }

    resources.assert_untouched(&app).await;
}

#[tokio::test]
async fn an_invitation_to_a_higher_role_cannot_be_withdrawn_or_replaced() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let keeper = again(
        &app,
        &member_with(&app, &owner, "keeper", ADMINISTRATOR).await,
    )
    .await;

    let invite = async |by: &Client, role: &str| {
        by.post(
            "/v1/invitations",
            json!({ "email": "heir@example.org", "role": role }),
        )
        .await
    };

    // An owner sent both; the first also gives more permissions than the administrator has.
    for given in ["owner", "keeper"] {
        let path = invite(&owner, given).await.assert_status(201).location();
        invite(&keeper, "keeper")
            .await
            .assert_problem(403, "privilege_exceeds_own");
        keeper
            .delete(&path)
            .await
            .assert_problem(403, "privilege_exceeds_own");
        assert_eq!(
            owner.get(&path).await.assert_status(200).json()["role"],
            given
        );
    }

    let keys = "SELECT count(*) FROM data_keys WHERE organization_id = $1";
    let rows = app
        .owner()
        .await
        .run(keys, [owner.organization().uuid().into()])
        .await
        .unwrap();

    assert_eq!(
        rows[0].get::<i64>(0).unwrap(),
        1,
        "an invitation that was not created has a key"
    );
}

#[tokio::test]
async fn resources_of_equal_or_lower_roles_can_be_changed() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let keeper = again(
        &app,
        &member_with(&app, &owner, "keeper", ADMINISTRATOR).await,
    )
    .await;
    let reader = member_with(&app, &owner, "reader", &["customers.read"]).await;
    let reader = again(&app, &reader).await;
    let made = reader
        .post("/v1/api-keys", json!({ "name": "small" }))
        .await
        .assert_status(201)
        .json();

    let path = format!("/v1/organization/api-keys/{}", made["id"].as_str().unwrap());
    keeper.delete(&path).await.assert_status(204);

    let account = keeper
        .post(
            "/v1/service-accounts",
            json!({ "name": "small", "role": "reader" }),
        )
        .await
        .location();

    let key = keeper
        .post(&format!("{account}/keys"), json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    keeper
        .delete(&format!("{account}/keys/{}", key["id"].as_str().unwrap()))
        .await
        .assert_status(204);

    let secret = keeper
        .post(&format!("{account}/secrets"), json!({}))
        .await
        .assert_status(201)
        .location();

    keeper.delete(&secret).await.assert_status(204);

    let invitation = json!({ "email": "new@example.org", "role": "reader" });
    let invitation = keeper
        .post("/v1/invitations", invitation)
        .await
        .assert_status(201)
        .location();

    keeper.delete(&invitation).await.assert_status(204);
    keeper.delete(&account).await.assert_status(204);
}
