//! Rows of the platform's own that no plain POST to their collection makes.

use serde_json::{Value, json};

use crate::{Actor, Client, PASSWORD, TestApp};

/// A row in `collection` that `caller` may reach, or `None` where a POST of the least body makes one.
pub(super) async fn make(app: &TestApp, caller: &Actor, collection: &str) -> Option<String> {
    match collection {
        "/v1/sessions" => Some(text(&another_session(app, caller).await["session_id"])),
        "/v1/me/passkeys" => Some(passkey(app, caller).await),
        _ => None,
    }
}

/// A passkey that no device has: it is there to be asked for. Since it is a second factor, the caller's sessions are as if
/// they had shown it.
async fn passkey(app: &TestApp, caller: &Actor) -> String {
    const MAKE: &str = "WITH shown AS (UPDATE sessions SET multi_factor = true WHERE user_id = $2) \
         INSERT INTO passkeys (id, user_id, name, credential_hash, credential, sign_count, created_at) \
         VALUES ($1, $2, '', uuid_send($1), '', 0, now())";
    let id = app.runtime().new_id::<Actor>().uuid();
    app.owner().await.run(MAKE, [id.into(), caller.user().uuid().into()]).await.expect("the owner may");
    // The service hears of it within a second.
    let heard = async {
        while caller.get("/v1/me").await.json()["second_factor"] != true {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), heard).await.expect("the service hears of it");
    id.to_string()
}

/// Signs the caller in once more.
async fn another_session(app: &TestApp, caller: &Actor) -> Value {
    let body = json!({ "email": caller.email(), "password": PASSWORD });
    let anonymous: Client = app.anonymous();
    anonymous.post("/v1/sessions", body).await.assert_status(201).json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
