//! API keys in responses, and the query that lists the keys of an account.

use mainstay_database::{Error, Sql};
use mainstay_http::view;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::api_keys::row::{ApiKeyId, ApiKeyRow};

/// An API key. The key itself was shown once, when it was created.
#[view]
pub struct ApiKeyView {
    /// The key's id, which is also part of the key.
    id: ApiKeyId,
    /// The key's name.
    name: String,
    /// The account that the key calls for.
    user_id: UserId,
    /// The organization that the key works in.
    organization_id: OrganizationId,
    /// The permissions that the key is limited to; null if it is not limited.
    scopes: Option<Vec<String>>,
    /// The permissions that the account and the sponsor held when the key was created or taken
    /// over, within its scopes. The key may use those that both still hold.
    permissions: Vec<String>,
    /// The account that created the key; null if unknown.
    made_by: Option<UserId>,
    /// The member whose permissions the key depends on: the one who created it, or the owner who
    /// took it over.
    sponsor_id: Option<UserId>,
    /// When the key was created.
    created_at: Timestamp,
    /// When the key expires.
    expires_at: Timestamp,
    /// When the key was last used, to the minute; null if it was never used.
    last_used_at: Option<Timestamp>,
    /// When the key was revoked; null if it is not revoked.
    revoked_at: Option<Timestamp>,
}

/// A new API key, with the key itself, which is shown only once.
#[view]
pub struct MadeApiKeyView {
    /// The key's id.
    pub id: ApiKeyId,
    /// The key. Send it as `Authorization: Bearer …`, or as the password of Basic authentication.
    pub key: String,
    /// The key's name.
    pub name: String,
    /// The permissions that the key is limited to; null if it is not limited.
    pub scopes: Option<Vec<String>>,
    /// When the key expires.
    pub expires_at: Timestamp,
}

/// A filter: the keys of an account, in one organization or all, or one key.
pub struct KeysWanted {
    pub(crate) user: UserId,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) key: Option<ApiKeyId>,
}

/// Selects the keys of an account that are not revoked, newest first.
pub async fn select_keys(sql: &Sql, wanted: KeysWanted) -> Result<Vec<ApiKeyView>, Error> {
    const SELECT: &str = r"
        SELECT
            id, user_id, organization_id, name, scopes, permissions, made_by, sponsor_id,
            created_at, expires_at, last_used_at, revoked_at
        FROM mainstay.api_keys
        WHERE user_id = $1
          AND revoked_at IS NULL
          AND ($2::uuid IS NULL OR organization_id = $2)
          AND ($3::uuid IS NULL OR id = $3)
        ORDER BY id DESC
        LIMIT 1000
    ";

    let KeysWanted {
        user,
        organization,
        key,
    } = wanted;

    let values = [
        user.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
        key.map(ApiKeyId::uuid).into(),
    ];

    let keys: Vec<ApiKeyRow> = sql.query("api_keys.of_user", SELECT, values).await?;

    Ok(keys.into_iter().map(ApiKeyView::of).collect())
}

impl ApiKeyView {
    pub(crate) fn of(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            user_id: row.user_id,
            organization_id: row.organization_id,
            scopes: row.scopes,
            permissions: row.permissions,
            made_by: row.made_by,
            sponsor_id: row.sponsor_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}
