//! Races between a member's action and their removal or demotion. If the removal comes first, the
//! action fails; if it comes second, it revokes what the action created.

use mainstay::access::BuiltInRole::{Agent, Manager, Owner};
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::json;

use crate::locks::{Held, MEMBERSHIPS, ORGANIZATION};

/// Starts an app with a connection for each waiting request.
async fn start() -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("database.pool_size", "10")
        .start()
        .await
}

fn path(member: &Actor) -> String {
    format!("/v1/members/{}", member.user())
}

/// Makes an actor of another organization a member of this one.
async fn join(app: &TestApp, member: &Actor, owner: &Actor) {
    const JOIN: &str = r"
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, $2, id, clock_timestamp()
        FROM roles
        WHERE name = 'agent' AND organization_id IS NULL
    ";
    let values = [
        member.user().uuid().into(),
        owner.organization().uuid().into(),
    ];
    app.owner()
        .await
        .run(JOIN, values)
        .await
        .expect("the member joins");
}

async fn move_to(member: &Actor, owner: &Actor) -> Answer {
    member
        .put(
            "/v1/sessions/current/organization",
            json!({ "organization_id": owner.organization() }),
        )
        .await
}

#[tokio::test]
async fn a_session_cannot_switch_to_an_organization_that_removed_its_person() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let member = app.stranger(Agent).await;

    join(&app, &member, &owner).await;
    let held = Held::row(&app, MEMBERSHIPS, member.user().uuid()).await;
    let (removed, moved) = held
        .in_order(owner.delete(&path(&member)), move_to(&member, &owner))
        .await;

    removed.assert_status(204);
    moved.assert_problem(404, "not_found");
    assert_ne!(
        member.get("/v1/me").await.assert_status(200).json()["organization"]["name"],
        "Home"
    );

    // A person who is added again must sign in again: the session that switched during the removal
    // has ended.
    join(&app, &member, &owner).await;

    let held = Held::row(&app, MEMBERSHIPS, member.user().uuid()).await;
    let (moved, removed) = held
        .in_order(move_to(&member, &owner), owner.delete(&path(&member)))
        .await;

    moved.assert_status(204);
    removed.assert_status(204);

    join(&app, &member, &owner).await;
    member
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_sign_in_during_a_removal_gives_no_lasting_session() {
    let app = start().await;
    let (owner, member) = (app.actor(Owner).await, app.actor(Agent).await);
    let sign_in = async || {
        let body = json!({ "email": member.email(), "password": PASSWORD, "organization_id": owner.organization() });
        app.anonymous().post("/v1/sessions", body).await
    };
    let held = Held::row(&app, MEMBERSHIPS, member.user().uuid()).await;

    let (session, removed) = held.in_order(sign_in(), owner.delete(&path(&member))).await;
    removed.assert_status(204);

    let token = session.assert_status(201).json()["access_token"]
        .as_str()
        .expect("the response has a token")
        .to_owned();

    join(&app, &member, &owner).await;
    app.anonymous()
        .with_token(&token)
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let held = Held::row(&app, MEMBERSHIPS, member.user().uuid()).await;
    let (removed, session) = held.in_order(owner.delete(&path(&member)), sign_in()).await;
    removed.assert_status(204);
    session.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_removed_member_creates_no_key() {
    let app = start().await;
    let (owner, member) = (app.actor(Owner).await, app.actor(Agent).await);
    let make = member.post("/v1/api-keys", json!({ "name": "left behind" }));
    let held = Held::row(&app, MEMBERSHIPS, member.user().uuid()).await;
    let (removed, made) = held.in_order(owner.delete(&path(&member)), make).await;

    removed.assert_status(204);
    made.assert_problem(401, "unauthenticated");
    assert!(
        app.owner()
            .await
            .run("SELECT FROM api_keys", [])
            .await
            .expect("the rows are read")
            .is_empty()
    );
}

/// A manager who is demoted meanwhile creates no service account, key, secret, role or invitation.
#[tokio::test]
async fn a_demoted_member_creates_nothing() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = json!({ "name": "export", "role": "agent" });
    let made = owner
        .post("/v1/service-accounts", account.clone())
        .await
        .assert_status(201)
        .location();

    let requests = [
        (format!("{made}/keys"), json!({ "name": "left behind" })),
        (format!("{made}/secrets"), json!({})),
        ("/v1/service-accounts".to_owned(), account),
        (
            "/v1/roles".to_owned(),
            json!({ "name": "left-behind", "permissions": [] }),
        ),
        (
            "/v1/invitations".to_owned(),
            json!({ "email": "left@example.org", "role": "agent" }),
        ),
    ];

    for (wanted, body) in requests {
        let other = app.actor(Owner).await;
        let theirs = path(&other);
        let demote = owner.patch(&theirs, json!({ "role": "auditor" }));
        let held = Held::row(&app, ORGANIZATION, owner.organization().uuid()).await;
        let (demoted, made) = held.in_order(demote, other.post(&wanted, body)).await;
        demoted.assert_status(200);
        assert!(
            made.status.is_client_error() || made.status == 503,
            "{wanted}: {}",
            made.status
        );
    }

    const LEFT: &str = r"
        SELECT FROM api_keys
        UNION ALL
        SELECT FROM client_secrets
        UNION ALL
        SELECT FROM invitations
        UNION ALL
        SELECT FROM roles
        WHERE name = 'left-behind'
    ";

    assert!(
        app.owner()
            .await
            .run(LEFT, [])
            .await
            .expect("the rows are read")
            .is_empty()
    );
}

#[tokio::test]
async fn an_invitation_is_void_once_its_inviter_was_removed() {
    let app = start().await;
    let (owner, inviter, guest) = (
        app.actor(Owner).await,
        app.actor(Manager).await,
        app.stranger(Agent).await,
    );

    let body = json!({ "email": guest.email(), "role": "agent" });
    inviter
        .post("/v1/invitations", body)
        .await
        .assert_status(201);

    let token = app.mail_to(guest.email()).await.link_token();
    let accept = guest.post("/v1/invitations/acceptance", json!({ "token": token }));
    let held = Held::row(&app, MEMBERSHIPS, inviter.user().uuid()).await;
    let (removed, accepted) = held.in_order(owner.delete(&path(&inviter)), accept).await;

    removed.assert_status(204);
    accepted.assert_problem(422, "invalid_token");
}

#[tokio::test]
async fn a_withdrawn_invitation_is_void() {
    const INVITATIONS: &str = r"
        SELECT FROM invitations
        WHERE organization_id = $1
        FOR UPDATE
    ";

    let app = start().await;
    let (owner, guest) = (app.actor(Owner).await, app.stranger(Agent).await);
    let body = json!({ "email": guest.email(), "role": "agent" });
    let invitation = owner
        .post("/v1/invitations", body)
        .await
        .assert_status(201)
        .location();

    let token = app.mail_to(guest.email()).await.link_token();
    let accept = guest.post("/v1/invitations/acceptance", json!({ "token": token }));
    let held = Held::row(&app, INVITATIONS, owner.organization().uuid()).await;
    let (withdrawn, accepted) = held.in_order(owner.delete(&invitation), accept).await;

    withdrawn.assert_status(204);
    accepted.assert_problem(422, "invalid_token");
}

/// An owner who is demoted while transferring the organization stays demoted.
#[tokio::test]
async fn a_demoted_owner_cannot_transfer_the_organization() {
    let app = start().await;
    let (owner, other, heir) = (
        app.actor(Owner).await,
        app.actor(Owner).await,
        app.actor(Agent).await,
    );

    let theirs = path(&other);
    let demote = owner.patch(&theirs, json!({ "role": "auditor" }));
    let hand_over = other.put("/v1/organization/owner", json!({ "user_id": heir.user() }));
    let held = Held::row(&app, ORGANIZATION, owner.organization().uuid()).await;
    let (demoted, handed) = held.in_order(demote, hand_over).await;

    demoted.assert_status(200);
    assert!(handed.status.is_client_error(), "{}", handed.status);
    assert_eq!(other.get("/v1/me").await.json()["role"], "auditor");
    assert_eq!(heir.get("/v1/me").await.json()["role"], "agent");
}

/// Revoking a secret also revokes tokens that are being issued with it.
#[tokio::test]
async fn a_token_does_not_outlive_its_client_secret() {
    const SECRETS: &str = r"
        SELECT FROM client_secrets
        WHERE organization_id = $1
        FOR UPDATE
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    let body = json!({ "name": "export", "role": "agent" });
    let account = owner
        .post("/v1/service-accounts", body)
        .await
        .assert_status(201)
        .location();

    for revoked_first in [true, false] {
        let answer = owner.post(&format!("{account}/secrets"), json!({})).await;
        let (secret, made) = (answer.assert_status(201).location(), answer.json());
        let [id, text] = ["client_id", "client_secret"].map(|member| {
            made[member]
                .as_str()
                .expect("the column is text")
                .to_owned()
        });
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &text),
        ];

        let ask = crate::oauth::token(&app, &fields);
        let held = Held::row(&app, SECRETS, owner.organization().uuid()).await;
        if revoked_first {
            let (revoked, token) = held.in_order(owner.delete(&secret), ask).await;
            revoked.assert_status(204);
            token.assert_status(401);
        } else {
            let (token, revoked) = held.in_order(ask, owner.delete(&secret)).await;
            revoked.assert_status(204);
            let token = token.assert_status(200).json()["access_token"]
                .as_str()
                .expect("the response has a token")
                .to_owned();
            app.anonymous()
                .with_token(&token)
                .get("/v1/me")
                .await
                .assert_problem(401, "unauthenticated");
        }
    }
}
