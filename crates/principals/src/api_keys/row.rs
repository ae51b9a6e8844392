use mainstay_database::{Entity, Error, Id, Row, Unscoped};
use mainstay_http::view;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};

/// An API key's identifier.
pub(crate) type ApiKeyId = Id<ApiKeyRow>;

/// A row of `api_keys`, without its secret's hash: whoever lists keys has no use for it.
#[derive(Entity)]
#[entity(table = "api_keys", resource = "api_key")]
pub(crate) struct ApiKeyRow {
    pub(super) id: ApiKeyId,
    pub(super) user_id: UserId,
    pub(super) organization_id: OrganizationId,
    pub(super) name: String,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) permissions: Vec<String>,
    pub(super) made_by: Option<UserId>,
    pub(super) sponsor_id: Option<UserId>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) last_used_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
}

/// An API key. The key itself was shown once, when it was made.
#[view]
pub(crate) struct ApiKeyView {
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
pub(crate) struct MadeApiKeyView {
    /// Which.
    pub(super) id: ApiKeyId,
    /// The key: send it as `Authorization: Bearer …`, or as the password of Basic authentication.
    pub(super) key: String,
    /// What it is called.
    pub(super) name: String,
    /// The permissions that it is limited to; null when it is not limited.
    pub(super) scopes: Option<Vec<String>>,
    /// When it ends by itself.
    pub(super) expires_at: Timestamp,
}

/// Whose keys are wanted, or which one of them.
pub(crate) struct KeysWanted {
    pub(crate) user: UserId,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) key: Option<ApiKeyId>,
}

/// An account's keys that were not revoked, newest first.
pub(crate) async fn select_keys(
    unscoped: &Unscoped,
    wanted: KeysWanted,
) -> Result<Vec<ApiKeyView>, Error> {
    const SELECT: &str = r"
        SELECT id, user_id, organization_id, name, scopes, permissions, made_by, sponsor_id,
            created_at, expires_at, last_used_at, revoked_at
        FROM api_keys
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

impl ApiKeyRow {
    /// Reads a row that was selected with the columns in their order.
    pub(super) fn read_plain(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            user_id: row.get(1)?,
            organization_id: row.get(2)?,
            name: row.get(3)?,
            scopes: row.get(4)?,
            permissions: row.get(5)?,
            made_by: row.get(6)?,
            sponsor_id: row.get(7)?,
            created_at: row.get(8)?,
            expires_at: row.get(9)?,
            last_used_at: row.get(10)?,
            revoked_at: row.get(11)?,
        })
    }
}

impl ApiKeyView {
    pub(super) fn of(row: ApiKeyRow) -> Self {
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
