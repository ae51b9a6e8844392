//! Rows of the platform that a plain POST to their collection does not create.

use mainstay_access::BuiltInRole;
use mainstay_database::Owner;
use mainstay_kernel::Uuid;
use serde_json::{Value, json};

use super::sealed_rows::SealedRows;
use crate::{Actor, Client, PASSWORD, TestApp};

/// Creates a row in `collection` that `caller` may access. Returns `None` where a POST with a
/// minimal body creates one.
pub(super) async fn make(app: &TestApp, caller: &Actor, collection: &str) -> Option<String> {
    match collection.split('/').skip(2).collect::<Vec<_>>().as_slice() {
        ["sessions"] => Some(text(&another_session(app, caller).await["session_id"])),
        ["organizations"] => Some(another_organization(app, caller).await),
        ["me", "external-identities"] => Some(linked_identity(app, caller).await),
        ["members"] => Some(app.actor(BuiltInRole::Agent).await.user().to_string()),
        ["members", user, "sessions"] => Some(session_of(app, user).await),
        ["organization", "api-keys"] => Some(text(&own_api_key(caller).await["id"])),
        ["me", "applications"] => Some(application(app, caller).await),
        ["me", "passkeys"] => Some(passkey(app, caller).await),
        _ => None,
    }
}

/// Creates an organization with a second owner, so that the caller may leave it.
async fn another_organization(app: &TestApp, caller: &Actor) -> String {
    const JOIN: &str = r"
        INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, $2, id, now()
        FROM mainstay.roles
        WHERE name = 'owner' AND organization_id IS NULL
    ";

    let made = caller
        .post("/v1/organizations", json!({ "name": "Another" }))
        .await
        .assert_status(201)
        .json();

    let id = text(&made["id"]);
    let other = app.actor(BuiltInRole::Owner).await.user().uuid();
    let organization = Uuid::try_parse(&id).expect("an id is a UUID");

    app.owner()
        .await
        .run(JOIN, [other.into(), organization.into()])
        .await
        .expect("another owner joins");

    id
}

/// Reads the session in which a member signed in.
async fn session_of(app: &TestApp, user: &str) -> String {
    let user = Uuid::try_parse(user).expect("an id is a UUID");
    let rows = app
        .owner()
        .await
        .run(
            "SELECT id FROM mainstay.sessions WHERE user_id = $1",
            [user.into()],
        )
        .await;
    let id: Uuid = rows.expect("the sessions are read")[0]
        .get(0)
        .expect("a session has an id");
    id.to_string()
}

/// Creates a passkey, which does not count as a second factor.
async fn passkey(app: &TestApp, caller: &Actor) -> String {
    let mut owner = app.owner().await;
    ignore_passkeys(&mut owner).await;

    let mut rows = SealedRows::of(app, &mut owner, caller).await;
    let id = rows.passkey().await;

    owner
        .run(
            "ALTER TABLE mainstay.passkeys ENABLE TRIGGER passkeys_note",
            [],
        )
        .await
        .expect("the trigger is enabled");

    id.to_string()
}

/// Disables the trigger that gives an account with a passkey a second factor, which its owner would
/// have to use.
pub(super) async fn ignore_passkeys(owner: &mut Owner) {
    owner
        .run(
            "ALTER TABLE mainstay.passkeys DISABLE TRIGGER passkeys_note",
            [],
        )
        .await
        .expect("the trigger is disabled");
}

/// Links the caller to an external identity.
async fn linked_identity(app: &TestApp, caller: &Actor) -> String {
    let mut owner = app.owner().await;
    let mut rows = SealedRows::of(app, &mut owner, caller).await;
    rows.identity().await.to_string()
}

/// Creates a grant to an application that may read the caller's profile.
async fn application(app: &TestApp, caller: &Actor) -> String {
    const REGISTER: &str = r"
        INSERT INTO mainstay.oauth_clients (id, client_id, name, redirect_uris, created_at)
        VALUES ($1, 'swept', 'An application', '{https://swept.example/back}', now())
        ON CONFLICT ON CONSTRAINT oauth_clients_client_id_key DO NOTHING
    ";

    const INSERT: &str = r"
        INSERT INTO mainstay.oauth_grants (id, user_id, client_id, scopes, created_at, consented_at)
        VALUES ($1, $2, 'swept', '{profile}', now(), now())
        ON CONFLICT ON CONSTRAINT oauth_grants_key DO UPDATE SET consented_at = now()
        RETURNING id
    ";

    let id = app.runtime().new_id::<Actor>().uuid();
    let mut owner = app.owner().await;
    owner
        .run(REGISTER, [id.into()])
        .await
        .expect("the owner's statement runs");

    let rows = owner
        .run(INSERT, [id.into(), caller.user().uuid().into()])
        .await
        .expect("the owner's statement runs");

    rows[0]
        .get::<Uuid>(0)
        .expect("a grant has an id")
        .to_string()
}

/// Opens another session of the caller.
async fn another_session(app: &TestApp, caller: &Actor) -> Value {
    let body = json!({ "email": caller.email(), "password": PASSWORD });
    let anonymous: Client = app.anonymous();
    anonymous
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json()
}

/// Creates an API key of the caller, which the organization lists too.
async fn own_api_key(caller: &Actor) -> Value {
    caller
        .post("/v1/api-keys", json!({ "name": "example" }))
        .await
        .assert_status(201)
        .json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
