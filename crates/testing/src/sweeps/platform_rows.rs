//! Rows of the platform's own that no plain POST to their collection makes.

use mainstay_access::BuiltInRole;
use mainstay_kernel::Uuid;
use serde_json::{Value, json};

use crate::{Actor, Client, PASSWORD, TestApp};

/// A row in `collection` that `caller` may reach, or `None` where a POST of the least body makes one.
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

/// An organization that the caller may leave, since it has another owner.
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

/// The session in which a member signed in.
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
    let id: Uuid = rows.expect("sessions are read")[0]
        .get(0)
        .expect("a session has an id");
    id.to_string()
}

/// A passkey that no device has: it is there to be asked for. The account is not told that it has a second factor now, or
/// the caller would have to show it.
async fn passkey(app: &TestApp, caller: &Actor) -> String {
    const MAKE: &str = r"
        INSERT INTO mainstay.passkeys (
            id, user_id, name, credential_hash, credential, sign_count, created_at
        )
        VALUES ($1, $2, '', uuid_send($1), '', 0, now())
    ";

    let id = app.runtime().new_id::<Actor>().uuid();
    let mut owner = app.owner().await;
    owner
        .run("ALTER TABLE passkeys DISABLE TRIGGER passkeys_note", [])
        .await
        .expect("the owner may");
    owner
        .run(MAKE, [id.into(), caller.user().uuid().into()])
        .await
        .expect("the owner may");

    owner
        .run("ALTER TABLE passkeys ENABLE TRIGGER passkeys_note", [])
        .await
        .expect("the owner may");

    id.to_string()
}

/// An application that the caller allowed to know who they are.
async fn application(app: &TestApp, caller: &Actor) -> String {
    const REGISTER: &str = r"
        INSERT INTO mainstay.oauth_clients (id, client_id, name, redirect_uris, created_at)
        VALUES ($1, 'swept', 'An application', '{https://swept.example/back}', now())
        ON CONFLICT ON CONSTRAINT oauth_clients_client_id_key DO NOTHING
    ";

    const MAKE: &str = r"
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
        .expect("the owner may");

    let rows = owner
        .run(MAKE, [id.into(), caller.user().uuid().into()])
        .await
        .expect("the owner may");

    rows[0]
        .get::<Uuid>(0)
        .expect("a grant has an id")
        .to_string()
}

/// Signs the caller in once more.
async fn another_session(app: &TestApp, caller: &Actor) -> Value {
    let body = json!({ "email": caller.email(), "password": PASSWORD });
    let anonymous: Client = app.anonymous();
    anonymous
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json()
}

/// Links the caller to somebody elsewhere. What is sealed in it opens nowhere: the sweeps never look at it.
async fn linked_identity(app: &TestApp, caller: &Actor) -> String {
    const LINK: &str = r"
        INSERT INTO mainstay.external_identities (
            id, user_id, issuer, subject, subject_index, created_at
        )
        VALUES ($1, $2, 'https://id.example', '', $3, now())
    ";

    let (id, index) = (
        app.runtime().new_id::<TestApp>().uuid(),
        app.runtime().random.bytes::<32>().to_vec(),
    );
    let linked = app
        .owner()
        .await
        .run(LINK, [id.into(), caller.user().uuid().into(), index.into()])
        .await;

    linked.expect("an identity is linked");

    id.to_string()
}

/// A key of the caller's own, which is one of the organization's, too.
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
