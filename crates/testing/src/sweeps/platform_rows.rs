//! Rows of the platform's own that no plain POST to their collection makes.

use serde_json::{Value, json};

use crate::{Actor, Client, PASSWORD, TestApp};

/// A row in `collection` that `caller` may reach, or `None` where a POST of the least body makes one.
pub(super) async fn make(app: &TestApp, caller: &Actor, collection: &str) -> Option<String> {
    match collection {
        "/v1/sessions" => Some(text(&another_session(app, caller).await["session_id"])),
        "/v1/me/external-identities" => Some(linked_identity(app, caller).await),
        _ => None,
    }
}

/// Signs the caller in once more.
async fn another_session(app: &TestApp, caller: &Actor) -> Value {
    let body = json!({ "email": caller.email(), "password": PASSWORD });
    let anonymous: Client = app.anonymous();
    anonymous.post("/v1/sessions", body).await.assert_status(201).json()
}

/// Links the caller to somebody elsewhere. What is sealed in it opens nowhere: the sweeps never look at it.
async fn linked_identity(app: &TestApp, caller: &Actor) -> String {
    const LINK: &str = "INSERT INTO external_identities (id, user_id, issuer, subject, subject_index, created_at) \
         VALUES ($1, $2, 'https://id.example', '', $3, now())";
    let (id, index) = (app.runtime().new_id::<TestApp>().uuid(), app.runtime().random.bytes::<32>().to_vec());
    let linked = app.owner().await.run(LINK, [id.into(), caller.user().uuid().into(), index.into()]).await;
    linked.expect("an identity is linked");
    id.to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
