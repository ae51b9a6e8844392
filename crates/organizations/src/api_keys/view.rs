//! What the API shows of keys, and the query that lists an account's own.

use mainstay_database::{Error, Unscoped};
use mainstay_http::view;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::api_keys::row::{ApiKeyId, ApiKeyRow};

/// An API key. The key itself was shown once, when it was made.
#[view]
pub struct ApiKeyView {
    /// Which; the key itself names it, too.
    id: ApiKeyId,
    /// What it is called.
    name: String,
    /// In whose name it calls.
    user_id: UserId,
    /// Where it works.
    organization_id: OrganizationId,
    /// The permissions that it is limited to; null when it is not limited.
    scopes: Option<Vec<String>>,
    /// What its account and its sponsor held when it was made or taken over, within its scopes. It may do of that what both
    /// still hold.
    permissions: Vec<String>,
    /// The account that made it; null where that is not known.
    made_by: Option<UserId>,
    /// The member on whose rights it depends: its maker, or the owner who took it over.
    sponsor_id: Option<UserId>,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends by itself.
    expires_at: Timestamp,
    /// When it was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
}

/// A new API key, with the key itself. It is shown this once.
#[view]
pub struct MadeApiKeyView {
    /// Which.
    pub id: ApiKeyId,
    /// The key: send it as `Authorization: Bearer …`, or as the password of Basic authentication.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// The permissions that it is limited to; null when it is not limited.
    pub scopes: Option<Vec<String>>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Whose keys are wanted, or which one of them.
pub struct KeysWanted {
    pub(crate) user: UserId,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) key: Option<ApiKeyId>,
}

/// An account's keys that were not revoked, newest first.
pub async fn select_keys(
    unscoped: &Unscoped,
    wanted: KeysWanted,
) -> Result<Vec<ApiKeyView>, Error> {
    const SELECT: &str = r"
        SELECT id, user_id, organization_id, name, scopes, permissions, made_by, sponsor_id,
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

    let rows = unscoped.select("api_keys.of_user", SELECT, values).await?;

    rows.iter()
        .map(|row| ApiKeyRow::read_plain(row).map(ApiKeyView::of))
        .collect()
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
