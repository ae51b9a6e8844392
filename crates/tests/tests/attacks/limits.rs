//! Limits hold under concurrency: all requests have counted the rows before the first one adds a
//! row.

use mainstay::access::BuiltInRole::Owner;
use mainstay_testing::{Actor, Answer, TestApp};
use serde_json::{Value, json};

use crate::{
    authenticators::{Device, add_passkey},
    locks::{ACCOUNT, Held, ORGANIZATION},
};

/// Number of concurrent requests, and of those that fit the limit.
const CONCURRENT: usize = 8;
const ROOM: usize = 3;

/// Starts an app with a connection for each waiting request.
async fn start() -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("database.pool_size", "12")
        .start()
        .await
}

async fn fill(app: &TestApp, statement: &'static str, of: &Actor, present: i32) {
    let values = [
        of.user().uuid().into(),
        of.organization().uuid().into(),
        present.into(),
    ];
    app.owner()
        .await
        .run(statement, values)
        .await
        .expect("the rows are inserted");
}

/// Asserts that as many rows were created as fit, and that the other requests were refused.
fn assert_room(answers: &[Answer], code: &str) {
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, ROOM, "{code}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.assert_problem(409, code);
    }
}

async fn post_all(
    held: Held,
    by: &Actor,
    path: &str,
    body: impl Fn(usize) -> Value,
) -> Vec<Answer> {
    held.all((0..CONCURRENT).map(|number| by.post(path, body(number))))
        .await
}

#[tokio::test]
async fn an_account_cannot_exceed_its_key_limit() {
    const FILL: &str = r"
        INSERT INTO api_keys (
            id, user_id, organization_id, member_since, name, secret_hash, created_at, expires_at
        )
        SELECT gen_random_uuid(), m.user_id, m.organization_id, m.created_at, 'a key', '', now(),
            now() + interval '1 day'
        FROM memberships m, generate_series(1, $3)
        WHERE m.user_id = $1 AND m.organization_id = $2
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    fill(&app, FILL, &owner, 97).await;

    let held = Held::row(&app, ACCOUNT, owner.user().uuid()).await;
    assert_room(
        &post_all(held, &owner, "/v1/api-keys", |_| json!({ "name": "a" })).await,
        "too_many_keys",
    );
}

#[tokio::test]
async fn a_service_account_cannot_exceed_its_key_and_secret_limits() {
    const KEYS: &str = r"
        INSERT INTO api_keys (
            id, user_id, organization_id, member_since, name, secret_hash, created_at, expires_at
        )
        SELECT gen_random_uuid(), m.user_id, m.organization_id, m.created_at, 'a key', '', now(),
            now() + interval '1 day'
        FROM memberships m
        JOIN users u ON u.id = m.user_id AND u.kind = 'service', generate_series(1, $3)
        WHERE $1::uuid IS NOT NULL AND m.organization_id = $2
    ";

    const SECRETS: &str = r"
        INSERT INTO client_secrets (
            id, user_id, organization_id, member_since, secret_hash, created_at, expires_at
        )
        SELECT gen_random_uuid(), m.user_id, m.organization_id, m.created_at, '', now(),
            now() + interval '1 day'
        FROM memberships m
        JOIN users u ON u.id = m.user_id AND u.kind = 'service', generate_series(1, $3)
        WHERE $1::uuid IS NOT NULL AND m.organization_id = $2
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = json!({ "name": "export", "role": "agent" });
    let made = owner.post("/v1/service-accounts", account).await;

    made.assert_status(201);

    let (path, id) = (
        made.location(),
        made.json()["id"]
            .as_str()
            .expect("the id is present")
            .parse()
            .expect("the column is a UUID"),
    );

    fill(&app, KEYS, &owner, 97).await;
    fill(&app, SECRETS, &owner, 2).await;

    let held = Held::row(&app, ACCOUNT, id).await;
    let keys = post_all(
        held,
        &owner,
        &format!("{path}/keys"),
        |_| json!({ "name": "a" }),
    )
    .await;

    assert_room(&keys, "too_many_keys");

    let held = Held::row(&app, ACCOUNT, id).await;
    assert_room(
        &post_all(held, &owner, &format!("{path}/secrets"), |_| json!({})).await,
        "too_many_secrets",
    );
}

#[tokio::test]
async fn an_organization_cannot_exceed_its_role_limit() {
    const FILL: &str = r"
        INSERT INTO roles (id, organization_id, name)
        SELECT gen_random_uuid(), $2, 'present-' || n
        FROM generate_series(1, $3) AS n
        WHERE $1::uuid IS NOT NULL
    ";
    let app = start().await;
    let owner = app.actor(Owner).await;
    fill(&app, FILL, &owner, 97).await;
    let held = Held::row(&app, ORGANIZATION, owner.organization().uuid()).await;
    let body = |number| json!({ "name": format!("role-{number}"), "permissions": [] });
    assert_room(
        &post_all(held, &owner, "/v1/roles", body).await,
        "too_many_roles",
    );
}

#[tokio::test]
async fn an_organization_cannot_exceed_its_service_account_limit() {
    const FILL: &str = r"
        WITH made AS (
            INSERT INTO users (id, kind, name, created_at)
            SELECT gen_random_uuid(), 'service', 'present', now()
            FROM generate_series(1, $3)
            RETURNING id
        )
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        SELECT made.id, $2, r.id, now()
        FROM made, roles r
        WHERE r.name = 'agent' AND $1::uuid IS NOT NULL
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    fill(&app, FILL, &owner, 497).await;

    let held = Held::row(&app, ORGANIZATION, owner.organization().uuid()).await;
    let body = |_| json!({ "name": "export", "role": "agent" });
    assert_room(
        &post_all(held, &owner, "/v1/service-accounts", body).await,
        "too_many_service_accounts",
    );
}

#[tokio::test]
async fn a_person_cannot_exceed_their_organization_limit() {
    const FILL: &str = r"
        WITH made AS (
            INSERT INTO organizations (id, name, created_at)
            SELECT gen_random_uuid(), 'present', now()
            FROM generate_series(1, $3)
            RETURNING id
        )
        INSERT INTO memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, made.id, r.id, now()
        FROM made, roles r
        WHERE r.name = 'agent' AND $2::uuid IS NOT NULL
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    fill(&app, FILL, &owner, 96).await;

    let held = Held::row(&app, ACCOUNT, owner.user().uuid()).await;
    let answers = post_all(
        held,
        &owner,
        "/v1/organizations",
        |_| json!({ "name": "Another" }),
    )
    .await;

    assert_room(&answers, "too_many_organizations");
}

#[tokio::test]
async fn a_person_cannot_exceed_their_passkey_limit() {
    const FILL: &str = r"
        INSERT INTO passkeys (
            id, user_id, name, credential_hash, credential, sign_count, created_at
        )
        SELECT gen_random_uuid(), $1, '', int4send(n), '', 0, now()
        FROM generate_series(1, $3) AS n
        WHERE $2::uuid IS NOT NULL
    ";

    let app = start().await;
    let owner = app.actor(Owner).await;
    add_passkey(&owner, &mut Device::default()).await;

    let mut bodies = Vec::new();
    for _ in 0..CONCURRENT {
        let options = owner
            .post("/v1/me/passkeys/options", json!({}))
            .await
            .assert_status(200)
            .json();
        bodies.push(
            json!({ "name": "a key", "credential": Device::default().create(&options).await }),
        );
    }

    fill(&app, FILL, &owner, 46).await;
    let held = Held::row(&app, ACCOUNT, owner.user().uuid()).await;
    let answers = held
        .all(
            bodies
                .into_iter()
                .map(|body| owner.post("/v1/me/passkeys", body)),
        )
        .await;

    assert_room(&answers, "too_many_passkeys");
}
