//! `/v1/organizations`, `/v1/organizations/{id}`, `/v1/organization`.

use futures_util::future::join;
use mainstay::{
    access::BuiltInRole::{Agent, Manager, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::TestApp;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    customer,
    people::{again, owners, promote, recorded, within_a_second},
    start,
};

fn id(view: &Value) -> &str {
    view["id"].as_str().unwrap()
}

#[tokio::test]
async fn the_creator_of_an_organization_owns_it() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let made = agent
        .post("/v1/organizations", json!({ "name": "My own" }))
        .await;
    let view = made.assert_status(201).json();

    assert_eq!(
        (&view["name"], &view["role"]),
        (&json!("My own"), &json!("owner"))
    );
    assert_eq!(agent.get(&made.location()).await.json()["id"], view["id"]);

    let listed = agent
        .get("/v1/organizations")
        .await
        .assert_status(200)
        .json();

    let roles: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["role"].as_str().unwrap())
        .collect();

    assert_eq!(roles, ["agent", "owner"]);
    // The session stays in its organization until it is switched.
    assert_eq!(agent.get("/v1/organization").await.json()["name"], "Home");

    let switch = json!({ "organization_id": view["id"] });
    agent
        .put("/v1/sessions/current/organization", switch)
        .await
        .assert_status(204);
    assert_eq!(agent.get("/v1/organization").await.json()["id"], view["id"]);
    assert_eq!(agent.get("/v1/me").await.json()["role"], "owner");
}

#[tokio::test]
async fn an_owner_renames_the_organization() {
    let app = start().await;
    let (owner, manager) = (app.actor(Owner).await, app.actor(Manager).await);
    manager
        .patch("/v1/organization", json!({ "name": "Mine" }))
        .await
        .assert_problem(403, "forbidden");

    let renamed = owner
        .patch("/v1/organization", json!({ "name": "Castle" }))
        .await
        .assert_status(200)
        .json();

    assert_eq!(renamed["name"], "Castle");
    assert_eq!(manager.get("/v1/organization").await.json(), renamed);

    let (_, before, after) = recorded(&app, "organization_updated").await;
    assert_eq!(
        (before, after),
        (json!({ "name": "Home" }), json!({ "name": "Castle" }))
    );
    for odd in ["", " ", "two\nlines", "\u{2028}"] {
        owner
            .patch("/v1/organization", json!({ "name": odd }))
            .await
            .assert_problem(422, "invalid_input");
    }
    owner
        .patch("/v1/organization", json!({}))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn leaving_an_organization_ends_the_sessions_there_only() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let remote = replica.client_of(&agent);

    remote.get("/v1/me").await.assert_status(200);

    let elsewhere = again(&app, &agent).await;
    let own = elsewhere
        .post("/v1/organizations", json!({ "name": "My own" }))
        .await
        .json();
    let place = json!({ "organization_id": own["id"] });

    elsewhere
        .put("/v1/sessions/current/organization", place)
        .await
        .assert_status(204);

    let home = format!("/v1/organizations/{}/membership", agent.organization());
    elsewhere.delete(&home).await.assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    within_a_second(&remote, "/v1/me", 401).await;
    elsewhere.get("/v1/me").await.assert_status(200);
    elsewhere
        .delete(&home)
        .await
        .assert_problem(404, "not_found");

    // A person is the last owner of their own organization.
    let own = format!("/v1/organizations/{}/membership", id(&own));
    elsewhere
        .delete(&own)
        .await
        .assert_problem(409, "last_owner");
}

/// When two owners leave at the same time, one is refused.
#[tokio::test]
async fn two_owners_who_leave_at_once_leave_one() {
    for _ in 0..5 {
        let app = start().await;
        let (one, other) = (app.actor(Owner).await, app.actor(Owner).await);
        let path = format!("/v1/organizations/{}/membership", one.organization());
        let (first, second) = join(one.delete(&path), other.delete(&path)).await;
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        assert_eq!(owners(&app, &one).await, 1);
    }
}

#[tokio::test]
async fn an_organization_can_be_transferred() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let stranger = app.stranger(Agent).await;
    let to = |user| json!({ "user_id": user });

    agent
        .put("/v1/organization/owner", to(agent.user()))
        .await
        .assert_problem(403, "forbidden");
    owner
        .put("/v1/organization/owner", to(stranger.user()))
        .await
        .assert_problem(404, "not_found");
    owner
        .put("/v1/organization/owner", to(owner.user()))
        .await
        .assert_problem(404, "not_found");
    owner
        .put("/v1/organization/owner", to(agent.user()))
        .await
        .assert_status(204);
    assert_eq!(owner.get("/v1/me").await.json()["role"], "manager");
    assert_eq!(agent.get("/v1/me").await.json()["role"], "owner");

    let (resource, before, after) = recorded(&app, "authz_admin").await;
    assert_eq!(resource, agent.user().to_string());
    assert_eq!(before, json!({ "owner": owner.user(), "role": "agent" }));
    assert_eq!(after, json!({ "owner": agent.user(), "role": "owner" }));
    assert!(
        app.mail_to(owner.email())
            .await
            .subject
            .contains("transferred")
    );
    assert!(app.mail_to(agent.email()).await.text.contains("“owner”"));
    owner
        .put("/v1/organization/owner", to(owner.user()))
        .await
        .assert_problem(403, "forbidden");
}

/// OWASP ASVS 7.5.3.
#[tokio::test]
async fn a_transfer_requires_a_step_up() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", "30m")
        .start()
        .await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);

    clock.advance(Duration::minutes(11));
    let body = json!({ "user_id": agent.user() });
    owner
        .put("/v1/organization/owner", body)
        .await
        .assert_problem(401, "step_up_required");
    owner
        .delete("/v1/organization")
        .await
        .assert_problem(401, "step_up_required");
}

/// An owner leaves while ownership is transferred: one owner remains.
#[tokio::test]
async fn concurrent_changes_leave_an_owner() {
    for _ in 0..5 {
        let app = start().await;
        let (one, other) = (app.actor(Owner).await, app.actor(Owner).await);
        let path = format!("/v1/organizations/{}/membership", one.organization());
        let hand_over = one.put("/v1/organization/owner", json!({ "user_id": other.user() }));
        let (first, second) = join(hand_over, other.delete(&path)).await;

        assert!(
            owners(&app, &one).await >= 1,
            "{} {}",
            first.status,
            second.status
        );
        assert!(
            !first.status.is_server_error() || first.status == 503,
            "{}",
            first.status
        );
        assert!(
            !second.status.is_server_error() || second.status == 503,
            "{}",
            second.status
        );
    }
}

#[tokio::test]
async fn an_organization_is_deleted_once_it_is_empty() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    owner
        .delete("/v1/organization")
        .await
        .assert_problem(409, "organization_not_empty");
    owner
        .delete(&format!("/v1/members/{}", agent.user()))
        .await
        .assert_status(204);

    let row = owner
        .post("/v1/customers", customer("Ada", "ada@example.org"))
        .await
        .assert_status(201)
        .location();

    owner
        .delete("/v1/organization")
        .await
        .assert_problem(409, "organization_not_empty");
    owner.delete(&row).await.assert_status(204);

    let role = json!({ "name": "support", "permissions": ["customers.read"] });
    owner.post("/v1/roles", role).await.assert_status(201);

    let invitation = json!({ "email": "bea@example.org", "role": "support" });
    owner
        .post("/v1/invitations", invitation)
        .await
        .assert_status(201);
    owner.delete("/v1/organization").await.assert_status(204);
    owner
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let left = r"
        SELECT
            (SELECT count(*) FROM organizations WHERE id = $1)
            + (SELECT count(*) FROM memberships WHERE organization_id = $1)
            + (SELECT count(*) FROM roles WHERE organization_id = $1)
            + (SELECT count(*) FROM invitations WHERE organization_id = $1)
            + (SELECT count(*) FROM data_keys WHERE organization_id = $1)
    ";

    let rows = app
        .owner()
        .await
        .run(left, [owner.organization().uuid().into()])
        .await
        .unwrap();

    assert_eq!(rows[0].get::<i64>(0).unwrap(), 0);

    let (resource, before, _) = recorded(&app, "organization_deleted").await;
    assert_eq!(
        (resource, before),
        (owner.organization().to_string(), json!({ "name": "Home" }))
    );

    let me = again(&app, &owner).await.get("/v1/me").await.json();
    assert_eq!(me["organization"], json!(null));
}

#[tokio::test]
async fn a_session_without_an_organization_has_no_permissions() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let home = format!("/v1/organizations/{}/membership", agent.organization());

    agent.delete(&home).await.assert_status(204);

    let nowhere = again(&app, &agent).await;

    for path in [
        "/v1/organization",
        "/v1/members",
        "/v1/roles",
        "/v1/permissions",
        "/v1/invitations",
    ] {
        nowhere.get(path).await.assert_problem(403, "forbidden");
    }

    assert_eq!(
        nowhere
            .get("/v1/organizations")
            .await
            .assert_status(200)
            .json()["items"],
        json!([])
    );
    nowhere
        .post("/v1/organizations", json!({ "name": "My own" }))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn an_owner_who_is_not_alone_may_step_down() {
    let app = start().await;
    let (one, other) = (app.actor(Owner).await, app.actor(Agent).await);
    promote(&one, &other, "owner").await;
    one.delete(&format!(
        "/v1/organizations/{}/membership",
        one.organization()
    ))
    .await
    .assert_status(204);
    assert_eq!(owners(&app, &other).await, 1);
}
