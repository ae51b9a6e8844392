//! Revokes an API key of the caller.

use mainstay_database::Change;
use mainstay_http::{InPerson, NOT_FOUND, NoContent, Path, Problem, Shared, delete};
use mainstay_principals::{
    Principals,
    api_keys::row::ApiKeyId,
    events::{Action, about},
};

/// Revoke one of your API keys.
///
/// This replica refuses the key at once, every other within a second.
#[delete("/v1/api-keys/{id}", problems(NOT_FOUND))]
pub(super) async fn delete_api_key(
    by: InPerson,
    principals: Shared<Principals>,
    Path(id): Path<ApiKeyId>,
) -> Result<NoContent, Problem> {
    const REVOKE: &str = r"
        changed AS (
            UPDATE mainstay.api_keys
            SET revoked_at = $3
            WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();

    let event = about(
        Action::TokenRevoked,
        "api_key",
        Some(id.uuid()),
        principal.organization,
    );

    let now = principals.runtime().clock.now();
    let values = [
        id.uuid().into(),
        principal.user.uuid().into(),
        now.inner().into(),
    ];

    let revoked = sql
        .change(Change::new("api_keys.revoke_own", REVOKE, values, event))
        .await?;

    principals.forget_session(id.uuid().into());

    if revoked.is_empty() {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}
