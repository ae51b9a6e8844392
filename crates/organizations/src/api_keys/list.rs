//! One's own API keys.

use super::view::{ApiKeyView, KeysWanted, select_keys};
use mainstay_http::{InPerson, Json, Listing, NOT_FOUND, Path, Problem, get};
use mainstay_principals::api_keys::row::ApiKeyId;

/// List one's API keys, newest first.
///
/// Those of every organization that one works in, except revoked ones.
#[get("/v1/api-keys")]
pub(super) async fn list_api_keys(by: InPerson) -> Result<Listing<ApiKeyView>, Problem> {
    let unscoped = by.unscoped("keys belong to their person, wherever they work");
    let wanted = KeysWanted {
        user: by.principal().user,
        organization: None,
        key: None,
    };
    Ok(Listing {
        items: select_keys(&unscoped, wanted).await?,
    })
}

/// Show one of one's API keys.
#[get("/v1/api-keys/{id}", problems(NOT_FOUND))]
pub(super) async fn get_api_key(
    by: InPerson,
    Path(id): Path<ApiKeyId>,
) -> Result<Json<ApiKeyView>, Problem> {
    let unscoped = by.unscoped("a key belongs to its person, wherever it works");
    let wanted = KeysWanted {
        user: by.principal().user,
        organization: None,
        key: Some(id),
    };
    select_keys(&unscoped, wanted)
        .await?
        .pop()
        .map(Json)
        .ok_or_else(|| NOT_FOUND.problem())
}
