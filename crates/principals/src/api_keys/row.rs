//! A row of `api_keys`.

use mainstay_database::{Entity, FromRow, Id};
use mainstay_kernel::{OrganizationId, Timestamp, UserId};

/// An API key's identifier.
pub type ApiKeyId = Id<ApiKeyRow>;

/// A row of `api_keys`, without the hash of its secret: lists do not need it.
#[derive(Entity, FromRow)]
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
