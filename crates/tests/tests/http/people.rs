//! Helpers for tests of members, roles and invitations.

use std::time::{Duration, Instant};

use mainstay::access::BuiltInRole::Agent;
use mainstay_database::Row;
use mainstay_testing::{Actor, Client, PASSWORD, TestApp};
use serde_json::{Value, json};

/// Signs a person in to their first organization.
pub(crate) async fn sign_in(app: &TestApp, email: &str, password: &str) -> Client {
    let body = json!({ "email": email, "password": password });
    let session = app
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();
    app.anonymous()
        .with_token(session["access_token"].as_str().unwrap())
}

/// Signs an actor in again.
pub(crate) async fn again(app: &TestApp, actor: &Actor) -> Client {
    sign_in(app, actor.email(), PASSWORD).await
}

/// Creates a role and returns its path.
pub(crate) async fn role(by: &Client, name: &str, permissions: &[&str]) -> String {
    by.post(
        "/v1/roles",
        json!({ "name": name, "permissions": permissions }),
    )
    .await
    .assert_status(201)
    .location()
}

/// Gives a member a role.
pub(crate) async fn promote(by: &Client, member: &Actor, role: &str) {
    by.patch(&member_path(member), json!({ "role": role }))
        .await
        .assert_status(200);
}

/// Creates a member with a role of these permissions.
pub(crate) async fn member_with(
    app: &TestApp,
    owner: &Client,
    name: &str,
    permissions: &[&str],
) -> Actor {
    let member = app.actor(Agent).await;
    role(owner, name, permissions).await;
    promote(owner, &member, name).await;
    member
}

pub(crate) fn member_path(member: &Actor) -> String {
    format!("/v1/members/{}", member.user())
}

/// Repeats the request until it gets the status, for at most a second.
pub(crate) async fn within_a_second(client: &Client, path: &str, status: u16) {
    let start = Instant::now();

    loop {
        let answer = client.get(path).await;
        if answer.status == status {
            return;
        }

        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{path} still answers {}",
            answer.status
        );
        tokio::task::yield_now().await;
    }
}

/// The newest record of an action: resource, before, after.
pub(crate) async fn recorded(app: &TestApp, action: &str) -> (String, Value, Value) {
    let find = r"
        SELECT resource_id::text, before, after
        FROM audit_events
        WHERE action = $1
        ORDER BY id DESC
        LIMIT 1
    ";
    let rows = app.owner().await.run(find, [action.into()]).await.unwrap();
    let row: &Row = rows
        .first()
        .unwrap_or_else(|| panic!("no {action} is recorded"));
    let value = |position| {
        row.get::<Option<Value>>(position)
            .unwrap()
            .unwrap_or_default()
    };
    (row.get(0).unwrap(), value(1), value(2))
}

/// Number of owners in an actor's organization.
pub(crate) async fn owners(app: &TestApp, of: &Actor) -> i64 {
    let count = r"
        SELECT count(*)
        FROM memberships m
        JOIN roles r ON r.id = m.role_id
        WHERE m.organization_id = $1 AND r.name = 'owner'
    ";
    app.owner()
        .await
        .run(count, [of.organization().uuid().into()])
        .await
        .unwrap()[0]
        .get(0)
        .unwrap()
}
