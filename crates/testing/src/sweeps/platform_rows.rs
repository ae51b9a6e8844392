//! Rows of the platform's own that no plain POST to their collection makes.

use serde_json::{Value, json};

use crate::{Actor, Client, PASSWORD, TestApp};

/// A row in `collection` that `caller` may reach, or `None` where a POST of the least body makes one.
pub(super) async fn make(app: &TestApp, caller: &Actor, collection: &str) -> Option<String> {
    match collection {
        "/v1/sessions" => Some(text(&another_session(app, caller).await["session_id"])),
        "/v1/organization/api-keys" => Some(text(&own_api_key(caller).await["id"])),
        _ => None,
    }
}

/// Signs the caller in once more.
async fn another_session(app: &TestApp, caller: &Actor) -> Value {
    let body = json!({ "email": caller.email(), "password": PASSWORD });
    let anonymous: Client = app.anonymous();
    anonymous.post("/v1/sessions", body).await.assert_status(201).json()
}

/// A key of the caller's own, which is one of the organization's, too.
async fn own_api_key(caller: &Actor) -> Value {
    caller.post("/v1/api-keys", json!({ "name": "example" })).await.assert_status(201).json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
