//! The caller's own API keys.

use super::view::{ApiKeyView, KeysWanted, select_keys};
use mainstay_http::{InPerson, Json, Listing, NOT_FOUND, Path, Problem, get};
use mainstay_principals::api_keys::row::ApiKeyId;

/// List your API keys, newest first.
///
/// Includes the keys of all your organizations, except revoked ones.
#[get("/v1/api-keys")]
pub(super) async fn list_api_keys(by: InPerson) -> Result<Listing<ApiKeyView>, Problem> {
    let sql = by.sql();
    let wanted = KeysWanted {
        user: by.principal().user,
        organization: None,
        key: None,
    };
    Ok(Listing {
        items: select_keys(&sql, wanted).await?,
    })
}

/// Get one of your API keys.
#[get("/v1/api-keys/{id}", problems(NOT_FOUND))]
pub(super) async fn get_api_key(
    by: InPerson,
    Path(id): Path<ApiKeyId>,
) -> Result<Json<ApiKeyView>, Problem> {
    let sql = by.sql();
    let wanted = KeysWanted {
        user: by.principal().user,
        organization: None,
        key: Some(id),
    };
    select_keys(&sql, wanted)
        .await?
        .pop()
        .map(Json)
        .ok_or_else(|| NOT_FOUND.problem())
}
