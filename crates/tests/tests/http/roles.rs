//! `/v1/roles`, `/v1/roles/{id}`, `/v1/permissions`.

use futures_util::future::join;
use mainstay::access::BuiltInRole::{Agent, Auditor, Owner};
use mainstay_http::Method;
use serde_json::{Value, json};

use crate::{
    people::{member_path, member_with, promote, recorded, role, within_a_second},
    start,
};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn roles_and_what_they_grant_are_listed() {
    let app = start().await;
    let (owner, auditor) = (app.actor(Owner).await, app.actor(Auditor).await);
    let path = role(
        &owner,
        "support",
        &["customers.read", "members.read", "customers.read"],
    )
    .await;

    let listed = auditor.get("/v1/roles").await.assert_status(200).json();
    assert_eq!(
        names(&listed),
        ["owner", "manager", "agent", "auditor", "support"]
    );

    let support = &listed["items"][4];
    assert_eq!(
        support["permissions"],
        json!(["customers.read", "members.read"])
    );
    assert_eq!(
        (&support["built_in"], &listed["items"][0]["built_in"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(auditor.get(&path).await.assert_status(200).json(), *support);

    let permissions = auditor
        .get("/v1/permissions")
        .await
        .assert_status(200)
        .json();

    assert!(
        names(&permissions).contains(&"roles.manage"),
        "{permissions}"
    );
    assert!(
        permissions["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| !it["help"].as_str().unwrap().is_empty())
    );
}

/// OWASP ASVS 8.2.1, 8.3.2: a change of a role takes effect here at once, and everywhere within a
/// second.
#[tokio::test]
async fn a_changed_role_changes_what_its_members_may_do() {
    let app = start().await;
    let replica = app.second_replica().await;
    let owner = app.actor(Owner).await;
    let member = member_with(&app, &owner, "support", &["organization.read"]).await;
    let remote = replica.client_of(&member);

    member
        .get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");
    remote
        .get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");

    let listed = owner.get("/v1/roles").await.json();
    let path = format!("/v1/roles/{}", listed["items"][4]["id"].as_str().unwrap());
    let wider = json!({ "permissions": ["customers.read", "organization.read"] });
    let changed = owner.patch(&path, wider).await.assert_status(200).json();

    assert_eq!(changed["version"], 2);
    member.get("/v1/customers").await.assert_status(200);

    within_a_second(&remote, "/v1/customers", 200).await;
    owner
        .patch(&path, json!({ "permissions": [], "name": "idle" }))
        .await
        .assert_status(200);
    member
        .get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");

    within_a_second(&remote, "/v1/customers", 403).await;
    assert_eq!(member.get("/v1/me").await.json()["role"], "idle");

    let (_, before, after) = recorded(&app, "privilege_permissions_changed").await;
    assert_eq!(
        before,
        json!({ "name": "support", "permissions": ["customers.read", "organization.read"] })
    );
    assert_eq!(after, json!({ "name": "idle", "permissions": [] }));
}

#[tokio::test]
async fn a_role_in_use_cannot_be_deleted() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = role(&owner, "support", &["customers.read"]).await;
    let member = app.actor(Agent).await;

    promote(&owner, &member, "support").await;
    owner.delete(&path).await.assert_problem(409, "role_in_use");

    promote(&owner, &member, "agent").await;
    let invitation = json!({ "email": "ada@example.org", "role": "support" });
    let invitation = owner
        .post("/v1/invitations", invitation)
        .await
        .assert_status(201)
        .location();

    owner.delete(&path).await.assert_problem(409, "role_in_use");
    owner.delete(&invitation).await.assert_status(204);
    owner.delete(&path).await.assert_status(204);
    owner.get(&path).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_stale_change_of_a_role_is_refused() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let made = owner
        .post("/v1/roles", json!({ "name": "support", "permissions": [] }))
        .await;

    assert_eq!(made.header("etag"), "\"1\"");

    let path = made.location();
    let with = |tag: &str| owner.request(Method::PATCH, &path).header("if-match", tag);
    with("\"1\"")
        .json(&json!({ "name": "help" }))
        .send()
        .await
        .assert_status(200);
    with("\"1\"")
        .json(&json!({ "name": "aid" }))
        .send()
        .await
        .assert_problem(412, "stale_version");

    let delete = owner
        .request(Method::DELETE, &path)
        .header("if-match", "\"1\"");
    delete.send().await.assert_problem(412, "stale_version");
    assert_eq!(owner.get(&path).await.json()["name"], "help");
}

/// Two permission lists that are written at the same time are not merged.
#[tokio::test]
async fn concurrent_changes_of_a_role_leave_one_of_them() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = role(&owner, "support", &[]).await;
    let lists = [
        json!(["customers.read", "members.read"]),
        json!(["audit.read", "roles.read"]),
    ];

    for _ in 0..10 {
        let [one, other] = lists
            .clone()
            .map(|list| owner.patch(&path, json!({ "permissions": list })));
        let (one, other) = join(one, other).await;
        assert!(
            [200, 503].contains(&one.status.as_u16())
                && [200, 503].contains(&other.status.as_u16())
        );
        let left = owner.get(&path).await.json()["permissions"].clone();
        assert!(lists.contains(&left), "{left}");
    }
}

/// No one can grant a permission that they do not have: not with a new or changed role, a
/// membership or an invitation (OWASP ASVS 8.2.1, 8.3.1).
#[tokio::test]
async fn no_one_can_grant_permissions_that_they_do_not_have() {
    const HELD: [&str; 4] = [
        "members.manage",
        "members.read",
        "roles.manage",
        "roles.read",
    ];

    let app = start().await;
    let owner = app.actor(Owner).await;
    let keeper = member_with(&app, &owner, "keeper", &HELD).await;
    let wide = role(&owner, "wide", &["customers.delete"]).await;
    let listed = keeper.get("/v1/roles").await.json();

    let id = |name: &str| {
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    let own = format!("/v1/roles/{}", id("keeper"));
    let me = member_path(&keeper);
    let more = json!(["members.manage", "roles.manage", "customers.delete"]);
    let (sent, contents) = (keeper.clone(), app.contents().await);
    let attempts = [
        sent.post(
            "/v1/roles",
            json!({ "name": "mine", "permissions": ["customers.delete"] }),
        )
        .await,
        sent.post(
            "/v1/roles",
            json!({ "name": "mine", "permissions": ["no.such"] }),
        )
        .await,
        sent.patch(&own, json!({ "permissions": more })).await,
        sent.patch(&wide, json!({ "name": "narrow" })).await,
        sent.patch(&wide, json!({ "permissions": [] })).await,
        sent.delete(&wide).await,
        sent.patch(&me, json!({ "role": "wide" })).await,
        sent.patch(&me, json!({ "role": "owner" })).await,
        sent.patch(&me, json!({ "role": "manager" })).await,
        sent.post(
            "/v1/invitations",
            json!({ "email": "accomplice@example.org", "role": "owner" }),
        )
        .await,
        sent.post(
            "/v1/invitations",
            json!({ "email": "accomplice@example.org", "role": "wide" }),
        )
        .await,
    ];

    for attempt in attempts {
        attempt.assert_problem(403, "privilege_exceeds_own");
    }
    assert_eq!(
        app.contents().await.changed_since(&contents),
        Vec::<&str>::new()
    );

    let refusals = r"
        SELECT count(*)
        FROM mainstay.audit_events
        WHERE action = 'authz_fail' AND actor_id = $1
    ";
    let rows = app
        .owner()
        .await
        .run(refusals, [keeper.user().uuid().into()])
        .await
        .unwrap();

    assert_eq!(
        rows[0].get::<i64>(0).unwrap(),
        11,
        "each refusal is recorded"
    );

    // They may grant their own permissions.
    role(&keeper, "reader", &["roles.read"]).await;
    keeper
        .patch(&me, json!({ "role": "reader" }))
        .await
        .assert_status(200);
    keeper
        .patch(&me, json!({ "role": "keeper" }))
        .await
        .assert_problem(403, "forbidden");
}

/// A role with every permission is not an owner.
#[tokio::test]
async fn only_an_owner_can_make_an_owner() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let all = owner.get("/v1/me").await.json()["permissions"].clone();
    let all: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();

    let deputy = member_with(&app, &owner, "deputy", &all).await;
    let other = app.actor(Agent).await;
    for member in [&deputy, &other] {
        let refused = deputy
            .patch(&member_path(member), json!({ "role": "owner" }))
            .await;
        refused.assert_problem(403, "privilege_exceeds_own");
    }

    let invitation = json!({ "email": "ada@example.org", "role": "owner" });
    deputy
        .post("/v1/invitations", invitation)
        .await
        .assert_problem(403, "privilege_exceeds_own");
    deputy
        .patch(&member_path(&owner), json!({ "role": "agent" }))
        .await
        .assert_problem(403, "privilege_exceeds_own");
    deputy
        .delete(&member_path(&owner))
        .await
        .assert_problem(403, "privilege_exceeds_own");

    let body = json!({ "user_id": other.user() });
    deputy
        .put("/v1/organization/owner", body)
        .await
        .assert_problem(403, "privilege_exceeds_own");

    promote(&owner, &other, "owner").await;
}

#[tokio::test]
async fn built_in_roles_cannot_be_changed_or_shadowed() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let own = role(&owner, "support", &[]).await;

    for name in ["owner", "manager", "agent", "auditor", "support"] {
        let shadow = json!({ "name": name, "permissions": ["audit.read"] });
        owner
            .post("/v1/roles", shadow)
            .await
            .assert_problem(409, "role_name_taken");
    }

    owner
        .patch(&own, json!({ "name": "owner" }))
        .await
        .assert_problem(409, "role_name_taken");

    let listed = owner.get("/v1/roles").await.json();
    for built_in in &listed["items"].as_array().unwrap()[..4] {
        let path = format!("/v1/roles/{}", built_in["id"].as_str().unwrap());
        let grant = json!({ "permissions": ["organization.delete"] });
        owner
            .patch(&path, grant)
            .await
            .assert_problem(403, "built_in_role");
        owner
            .patch(&path, json!({ "name": "mine" }))
            .await
            .assert_problem(403, "built_in_role");
        owner
            .delete(&path)
            .await
            .assert_problem(403, "built_in_role");
    }

    for name in ["Owner", "owner ", "öwner", "", "1st"] {
        let odd = json!({ "name": name, "permissions": [] });
        owner
            .post("/v1/roles", odd)
            .await
            .assert_problem(422, "invalid_input");
    }
}

#[tokio::test]
async fn a_role_of_another_organization_does_not_exist() {
    let app = start().await;
    let (owner, stranger) = (app.actor(Owner).await, app.stranger(Owner).await);
    let path = role(&owner, "support", &[]).await;

    stranger.get(&path).await.assert_problem(404, "not_found");
    stranger
        .patch(&path, json!({ "name": "mine" }))
        .await
        .assert_problem(404, "not_found");
    stranger
        .delete(&path)
        .await
        .assert_problem(404, "not_found");

    let member = app.stranger(Agent).await;
    stranger
        .patch(&member_path(&member), json!({ "role": "support" }))
        .await
        .assert_problem(422, "unknown_role");

    let invitation = json!({ "email": "ada@example.org", "role": "support" });
    stranger
        .post("/v1/invitations", invitation)
        .await
        .assert_problem(422, "unknown_role");

    // Both organizations have a role of the same name.
    role(&stranger, "support", &["customers.read"]).await;
}

/// Even a faulty statement cannot give a member another organization's role.
#[tokio::test]
async fn the_schema_keeps_roles_within_their_organization() {
    let app = start().await;
    let (owner, stranger) = (app.actor(Owner).await, app.stranger(Agent).await);
    role(&owner, "support", &[]).await;

    let cross = r"
        UPDATE mainstay.memberships
        SET role_id = (SELECT id FROM mainstay.roles WHERE name = 'support')
        WHERE user_id = $1
    ";
    let refused = app
        .serving_role()
        .await
        .run(cross, [stranger.user().uuid().into()])
        .await;

    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("memberships_role_of_organization")
    );
}
