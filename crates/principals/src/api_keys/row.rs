//! A row of `api_keys`.

use mainstay_database::{Entity, Error, Id, Row};
use mainstay_kernel::{OrganizationId, Timestamp, UserId};

/// An API key's identifier.
pub type ApiKeyId = Id<ApiKeyRow>;

/// A row of `api_keys`, without the hash of its secret: lists do not need it.
#[derive(Entity)]
#[entity(table = "mainstay.api_keys", resource = "api_key")]
pub struct ApiKeyRow {
    /// The key's identifier.
    pub id: ApiKeyId,
    /// The account that it acts for.
    pub user_id: UserId,
    /// The organization that it works in.
    pub organization_id: OrganizationId,
    /// The key's name.
    pub name: String,
    /// The permissions that it is limited to; `None` when it is not limited.
    pub scopes: Option<Vec<String>>,
    /// The permissions that its account and its sponsor held when it was created or taken over,
    /// within its scopes.
    pub permissions: Vec<String>,
    /// The account that created it, if known.
    pub made_by: Option<UserId>,
    /// The member whose permissions it depends on.
    pub sponsor_id: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKeyRow {
    /// Reads a row whose columns were selected in the order of the fields.
    pub fn read_plain(row: &Row) -> Result<Self, Error> {
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
