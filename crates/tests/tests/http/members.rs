//! `/v1/members`, `/v1/members/{user_id}`, and a member's sessions.

use futures_util::future::join;
use mainstay::access::BuiltInRole::{Agent, Auditor, Manager, Owner};
use mainstay_testing::PASSWORD;
use serde_json::json;

use crate::{
    people::{again, member_path, owners, promote, recorded, sign_in, within_a_second},
    start,
};

#[tokio::test]
async fn members_are_listed_page_by_page_with_masked_addresses() {
    let app = start().await;
    let (manager, agent) = (app.actor(Manager).await, app.actor(Agent).await);
    app.stranger(Agent).await;

    let first = manager
        .get("/v1/members?limit=1")
        .await
        .assert_status(200)
        .json();

    let next = format!(
        "/v1/members?limit=1&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    let second = manager.get(&next).await.assert_status(200).json();

    assert_eq!(
        (&first["items"][0]["id"], &first["items"][0]["role"]),
        (&json!(manager.user()), &json!("manager"))
    );
    assert_eq!(
        (&second["items"][0]["id"], &second["next_cursor"]),
        (&json!(agent.user()), &json!(null))
    );
    assert_eq!(second["items"][0]["email"], "a***@example.org");

    let agents = manager.get("/v1/members?role=agent").await.json();
    assert_eq!(agents["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        manager.get(&member_path(&agent)).await.json(),
        agents["items"][0]
    );
}

/// A member's address is revealed to few roles, and each reveal is recorded.
#[tokio::test]
async fn an_address_is_shown_in_clear_only_with_a_record() {
    let app = start().await;
    let (manager, auditor, agent) = (
        app.actor(Manager).await,
        app.actor(Auditor).await,
        app.actor(Agent).await,
    );

    let path = format!("{}/personal-data", member_path(&agent));
    auditor.get(&path).await.assert_problem(403, "forbidden");

    let shown = manager.get(&path).await.assert_status(200).json();
    assert_eq!(shown["email"], agent.email());

    let (resource, ..) = recorded(&app, "member.revealed").await;
    assert_eq!(resource, agent.user().to_string());
}

#[tokio::test]
async fn a_new_role_takes_effect_at_once_and_is_recorded_and_mailed() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let remote = replica.client_of(&agent);

    remote
        .get("/v1/audit/events")
        .await
        .assert_problem(403, "forbidden");

    let changed = owner
        .patch(&member_path(&agent), json!({ "role": "auditor" }))
        .await
        .assert_status(200)
        .json();

    assert_eq!(changed["role"], "auditor");
    agent.get("/v1/audit/events").await.assert_status(200);

    within_a_second(&remote, "/v1/audit/events", 200).await;
    let (resource, before, after) = recorded(&app, "authz_change").await;
    assert_eq!(
        (before, after),
        (json!({ "role": "agent" }), json!({ "role": "auditor" }))
    );
    assert_eq!(resource, agent.user().to_string());
    assert!(app.mail_to(agent.email()).await.text.contains("“auditor”"));

    // A patch without changes writes nothing and notifies no one.
    owner
        .patch(&member_path(&agent), json!({}))
        .await
        .assert_status(200);
    owner
        .patch(&member_path(&agent), json!({ "role": "auditor" }))
        .await
        .assert_status(200);
    owner
        .patch(&member_path(&agent), json!({ "role": "no-such" }))
        .await
        .assert_problem(422, "unknown_role");
}

/// OWASP ASVS 8.2.1, 8.3.1.
#[tokio::test]
async fn a_member_cannot_promote_themselves_or_change_higher_roles() {
    let app = start().await;
    let (owner, manager) = (app.actor(Owner).await, app.actor(Manager).await);
    let (auditor, agent) = (app.actor(Auditor).await, app.actor(Agent).await);

    for member in [&agent, &auditor] {
        member
            .patch(&member_path(member), json!({ "role": "owner" }))
            .await
            .assert_problem(403, "forbidden");
    }

    for role in ["owner", "auditor"] {
        let refused = manager
            .patch(&member_path(&manager), json!({ "role": role }))
            .await;
        refused.assert_problem(403, "privilege_exceeds_own");
    }

    for member in [&owner, &auditor] {
        let path = member_path(member);
        manager
            .patch(&path, json!({ "role": "agent" }))
            .await
            .assert_problem(403, "privilege_exceeds_own");
        manager
            .delete(&path)
            .await
            .assert_problem(403, "privilege_exceeds_own");
        manager
            .delete(&format!("{path}/sessions"))
            .await
            .assert_problem(403, "privilege_exceeds_own");
        member.get("/v1/me").await.assert_status(200);
    }

    promote(&manager, &agent, "manager").await;
    promote(&manager, &agent, "agent").await;
}

/// OWASP ASVS 6.4.6: an administrator can start a reset like anyone else, and no more.
#[tokio::test]
async fn an_administrator_cannot_set_a_password() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);

    for body in [
        json!({ "password": "violets tumble over granite" }),
        json!({ "email": "mine@example.org" }),
    ] {
        owner
            .patch(&member_path(&agent), body)
            .await
            .assert_problem(422, "invalid_input");
    }

    again(&app, &agent).await;
}

/// OWASP ASVS 7.4.2.
#[tokio::test]
async fn a_removed_member_loses_access_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (manager, agent) = (app.actor(Manager).await, app.actor(Agent).await);
    let remote = replica.client_of(&agent);

    remote.get("/v1/me").await.assert_status(200);
    manager
        .delete(&member_path(&agent))
        .await
        .assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    manager
        .delete(&member_path(&agent))
        .await
        .assert_problem(404, "not_found");
    assert!(app.mail_to(agent.email()).await.subject.contains("removed"));

    let (_, before, _) = recorded(&app, "membership_deleted").await;
    assert_eq!(before, json!({ "role": "agent" }));

    // The account remains, without an organization.
    let me = sign_in(&app, agent.email(), PASSWORD).await;
    assert_eq!(me.get("/v1/me").await.json()["organization"], json!(null));
    me.get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");
}

/// OWASP ASVS 7.4.5.
#[tokio::test]
async fn an_administrator_ends_a_members_sessions() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (manager, agent) = (app.actor(Manager).await, app.actor(Agent).await);
    let (phone, remote) = (again(&app, &agent).await, replica.client_of(&agent));

    remote.get("/v1/me").await.assert_status(200);

    let path = format!("{}/sessions", member_path(&agent));
    let listed = manager.get(&path).await.assert_status(200).json();
    let items = listed["items"].as_array().unwrap();

    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|item| item.get("address").is_none() && item.get("user_agent").is_none())
    );

    let newest = format!("{path}/{}", items[0]["id"].as_str().unwrap());
    manager.delete(&newest).await.assert_status(204);
    manager
        .delete(&newest)
        .await
        .assert_problem(404, "not_found");
    phone
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    agent.get("/v1/me").await.assert_status(200);
    manager.delete(&path).await.assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    assert_eq!(manager.get(&path).await.json()["items"], json!([]));
}

/// An administrator manages sessions in their own organization only.
#[tokio::test]
async fn sessions_in_other_organizations_cannot_be_ended() {
    let app = start().await;
    let (owner, agent, stranger) = (
        app.actor(Owner).await,
        app.actor(Agent).await,
        app.stranger(Agent).await,
    );

    let elsewhere = again(&app, &agent).await;
    let place = elsewhere
        .post("/v1/organizations", json!({ "name": "My own" }))
        .await
        .assert_status(201)
        .json();

    let place = json!({ "organization_id": place["id"] });
    elsewhere
        .put("/v1/sessions/current/organization", place)
        .await
        .assert_status(204);

    let path = format!("{}/sessions", member_path(&agent));
    assert_eq!(
        owner.get(&path).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = elsewhere.get("/v1/me").await.json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner
        .delete(&format!("{path}/{other}"))
        .await
        .assert_problem(404, "not_found");
    owner.delete(&path).await.assert_status(204);
    elsewhere.get("/v1/me").await.assert_status(200);

    for path in [
        member_path(&stranger),
        format!("{}/sessions", member_path(&stranger)),
    ] {
        owner.get(&path).await.assert_problem(404, "not_found");
        owner.delete(&path).await.assert_problem(404, "not_found");
    }

    owner
        .patch(&member_path(&stranger), json!({ "role": "agent" }))
        .await
        .assert_problem(404, "not_found");
    stranger.get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn the_last_owner_cannot_be_demoted_or_removed() {
    let app = start().await;
    let (owner, other) = (app.actor(Owner).await, app.actor(Agent).await);
    let path = member_path(&owner);

    owner
        .patch(&path, json!({ "role": "manager" }))
        .await
        .assert_problem(409, "last_owner");
    owner.delete(&path).await.assert_problem(409, "last_owner");

    // A deactivated owner does not count.
    promote(&owner, &other, "owner").await;

    let deactivate = "UPDATE users SET active = false WHERE id = $1";
    app.owner()
        .await
        .run(deactivate, [other.user().uuid().into()])
        .await
        .unwrap();

    owner.delete(&path).await.assert_problem(409, "last_owner");
    owner.get("/v1/me").await.assert_status(200);
}

/// When two owners demote each other at the same time, one is refused.
#[tokio::test]
async fn two_owners_who_demote_each_other_leave_one() {
    let app = start().await;
    let (one, other) = (app.actor(Owner).await, app.actor(Owner).await);
    for _ in 0..5 {
        let demoted = json!({ "role": "agent" });
        let (one_path, other_path) = (member_path(&one), member_path(&other));
        let (first, second) = join(
            one.patch(&other_path, demoted.clone()),
            other.patch(&one_path, demoted),
        )
        .await;

        assert_eq!(
            owners(&app, &one).await,
            1,
            "{} {}",
            first.status,
            second.status
        );

        let left = if one.get("/v1/me").await.json()["role"] == "owner" {
            &one
        } else {
            &other
        };

        for member in [&one, &other] {
            promote(left, member, "owner").await;
        }
    }
}

/// The schema refuses any statement that would remove the last owner.
#[tokio::test]
async fn the_schema_keeps_the_last_owner() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for statement in [
        "DELETE FROM mainstay.memberships WHERE user_id = $1",
        r"
            UPDATE mainstay.memberships
            SET role_id = '00000000-0000-7000-8000-000000000003'
            WHERE user_id = $1
        ",
    ] {
        let refused = app
            .serving_role()
            .await
            .run(statement, [owner.user().uuid().into()])
            .await;

        assert!(
            refused
                .err()
                .unwrap()
                .to_string()
                .contains("memberships_last_owner"),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn service_accounts_are_not_members() {
    const MAKE: &str = r"
        WITH made AS (
            INSERT INTO users (id, kind, name, created_at)
            VALUES ($1, 'service', 'robot', now())
        )
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, $2, id, now()
        FROM roles
        WHERE name = 'agent'
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    let robot = app.runtime().new_id::<()>().uuid();

    app.owner()
        .await
        .run(MAKE, [robot.into(), owner.organization().uuid().into()])
        .await
        .unwrap();

    let listed = owner.get("/v1/members").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let path = format!("/v1/members/{robot}");
    owner.get(&path).await.assert_problem(404, "not_found");
    owner
        .patch(&path, json!({ "role": "manager" }))
        .await
        .assert_problem(404, "not_found");
    owner.delete(&path).await.assert_problem(404, "not_found");

    let hand_over = json!({ "user_id": robot });
    owner
        .put("/v1/organization/owner", hand_over)
        .await
        .assert_problem(404, "not_found");
}
