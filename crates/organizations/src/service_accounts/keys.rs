//! The API keys of a service account.

use crate::api_keys::view::{ApiKeyView, KeysWanted, MadeApiKeyView, select_keys};
use mainstay_database::Change;
use mainstay_http::{
    Allowed, Created, Fresh, FreshOrScoped, Json, Listing, NOT_FOUND, NoContent, Path, Problem,
    Shared, delete, get, post,
};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    Principals,
    api_keys::row::ApiKeyId,
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by},
};

use super::{
    credential::{Revocation, create, revoke},
    find::get_account,
    permissions::ServiceAccountsManage,
};
use crate::api_keys::new::{CreateApiKey, MOST_KEYS, NewApiKey, TOO_MANY_KEYS};
use crate::relations::ApiKeys;
use crate::settings::Settings;

/// Create an API key for a service account.
///
/// The key may use the permissions that the account's role grants and that you hold, both now and
/// when the key is used, or fewer if you pass `scopes`. It gets administrative permissions only if
/// `scopes` names them. The key is shown only in this response.
#[post(
    "/v1/service-accounts/{id}/keys",
    problems(NOT_FOUND, EXCEEDS_OWN, TOO_MANY_KEYS)
)]
pub(super) async fn create_service_account_key(
    by: Fresh<Allowed<ServiceAccountsManage>>,
    settings: Shared<Settings>,
    Path(id): Path<UserId>,
    Json(body): Json<CreateApiKey>,
) -> Result<Created<MadeApiKeyView>, Problem> {
    // A key of an account that has permissions beyond the caller's would give the caller those
    // permissions.
    const INSERT: &str = r"
        changed AS (
            INSERT INTO mainstay.api_keys (
                id, name, secret_hash, scopes, created_at, expires_at, user_id, organization_id,
                member_since, made_by, sponsor_id, sponsor_since, permissions
            )
            SELECT
                $1, $2, $3, $4, $5, $6,
                m.user_id, m.organization_id, m.created_at,
                maker.user_id, maker.user_id, maker.created_at,
                mainstay.credential_permissions(m.role_id, $9, $4)
            FROM mainstay.memberships m
            JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'service'
            JOIN mainstay.memberships maker
                ON maker.user_id = $12 AND maker.organization_id = m.organization_id
            WHERE m.user_id = $7
              AND m.organization_id = $8
              AND NOT mainstay.role_exceeds(m.role_id, $9, $11)
              AND EXISTS (SELECT FROM held)
              AND mainstay.has_room('api_keys', $7, $10, $5)
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();
    let new = NewApiKey::new(body, &settings, &sql, principal).await?;
    let organization = principal.organization.map(OrganizationId::uuid);
    let [held, owner] = held_by(principal);

    let place = [
        id.uuid().into(),
        organization.into(),
        held,
        MOST_KEYS.into(),
        owner,
        principal.user.uuid().into(),
    ];

    let event = about(
        Action::TokenCreated,
        "api_key",
        Some(new.id().uuid()),
        principal.organization,
    );

    let change = Change::new(
        "service_accounts.insert_key",
        INSERT,
        new.values().into_iter().chain(place),
        event,
    );
    create(&by, id, change, TOO_MANY_KEYS).await?;

    Ok(Created(new.view()))
}

/// List the API keys of a service account, newest first.
#[get("/v1/service-accounts/{id}/keys", problems(NOT_FOUND))]
pub(super) async fn list_service_account_keys(
    by: Allowed<ServiceAccountsManage>,
    Path(id): Path<UserId>,
) -> Result<Listing<ApiKeyView>, Problem> {
    Ok(Listing {
        items: keys(&by, id, None).await?,
    })
}

/// Get an API key of a service account.
#[get("/v1/service-accounts/{id}/keys/{key_id}", problems(NOT_FOUND))]
pub(super) async fn get_service_account_key(
    by: Allowed<ServiceAccountsManage>,
    Path((id, key)): Path<(UserId, ApiKeyId)>,
) -> Result<Json<ApiKeyView>, Problem> {
    keys(&by, id, Some(key))
        .await?
        .pop()
        .map(Json)
        .ok_or_else(|| NOT_FOUND.problem())
}

/// Revoke an API key of a service account.
///
/// This replica refuses the key at once, every other within a second. You cannot revoke keys of an
/// account that has permissions beyond yours.
#[delete(
    "/v1/service-accounts/{id}/keys/{key_id}",
    problems(NOT_FOUND, EXCEEDS_OWN)
)]
pub(super) async fn delete_service_account_key(
    by: FreshOrScoped<ServiceAccountsManage>,
    principals: Shared<Principals>,
    Path((id, key)): Path<(UserId, ApiKeyId)>,
) -> Result<NoContent, Problem> {
    const REVOKE: &str = r"
        changed AS (
            UPDATE mainstay.api_keys k
            SET revoked_at = $4
            FROM mainstay.users u
            WHERE k.id = $1
              AND k.user_id = $2
              AND k.organization_id = $3
              AND k.revoked_at IS NULL
              AND u.id = k.user_id
              AND u.kind = 'service'
              AND NOT mainstay.member_exceeds(k.user_id, $3, $5, $6)
            RETURNING k.id
        )
    ";

    const EXCEEDS: &str = r"
        SELECT mainstay.member_exceeds(user_id, organization_id, $3, $4)
        FROM api_keys
        WHERE id = $1
          AND user_id = $2
          AND revoked_at IS NULL
    ";

    let revocation = Revocation {
        resource: "api_key",
        revoke: ("service_accounts.revoke_key", REVOKE),
        exceeds: ("service_accounts.key_exceeds", EXCEEDS),
    };
    let revoked = revoke::<(ApiKeys,)>(&by, id, key.uuid(), revocation).await;
    principals.forget_session(key.uuid().into());

    revoked.map(|()| NoContent)
}

/// Selects the account's keys in the caller's organization.
async fn keys(
    by: &Allowed<ServiceAccountsManage>,
    user: UserId,
    key: Option<ApiKeyId>,
) -> Result<Vec<ApiKeyView>, Problem> {
    get_account(by, user).await?;

    let sql = by.sql();
    let organization = by.principal().organization;

    Ok(select_keys(
        &sql,
        KeysWanted {
            user,
            organization,
            key,
        },
    )
    .await?)
}
