//! API keys for operators: the command line lists and revokes them.

use mainstay_database::{Change, Error, Sql, Uuid};
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::{
    api_keys::{row::ApiKeyRow, text::id_of},
    events::{Action, about},
};

/// Which keys to list.
#[derive(Clone, Copy, Debug)]
pub enum KeysOf {
    /// All keys of an organization.
    Organization(OrganizationId),
    /// The keys of one account, in all organizations.
    User(UserId),
}

/// A key as an operator sees it. The key itself is not stored.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// The key's id, which is also part of the key.
    pub id: Uuid,
    /// The name that its owner gave it.
    pub name: String,
    /// The account that it calls for.
    pub user: UserId,
    /// The organization that it works in.
    pub organization: OrganizationId,
    /// The permissions that it is limited to; `None` if it is not limited.
    pub scopes: Option<Vec<String>>,
    /// The account that created it, if known.
    pub made_by: Option<UserId>,
    /// The member whose permissions it depends on.
    pub sponsor: Option<UserId>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Lists keys, newest first, including revoked and expired ones.
///
/// # Errors
/// The error of the database.
pub async fn list_keys(sql: &Sql, of: KeysOf) -> Result<Vec<ListedKey>, Error> {
    const SELECT: &str = r"
        SELECT
            id, user_id, organization_id, name, scopes, permissions, made_by, sponsor_id,
            created_at, expires_at, last_used_at, revoked_at
        FROM mainstay.api_keys
        WHERE organization_id = $1 OR user_id = $2
        ORDER BY id DESC
    ";

    let (organization, user) = match of {
        KeysOf::Organization(organization) => (Some(organization.uuid()), None),
        KeysOf::User(user) => (None, Some(user.uuid())),
    };
    let keys: Vec<ApiKeyRow> = sql
        .query("api_keys.list", SELECT, [organization.into(), user.into()])
        .await?;

    Ok(keys.into_iter().map(ListedKey::of).collect())
}

/// Revokes a key, given by its id or by the key itself. Returns `false` if there is none, or if it
/// is revoked already.
///
/// # Errors
/// The error of the database.
pub async fn revoke_key(sql: &Sql, key: &str) -> Result<bool, Error> {
    const FIND: &str = "SELECT organization_id FROM mainstay.api_keys WHERE id = $1";
    const REVOKE: &str = r"
        changed AS (
            UPDATE mainstay.api_keys
            SET revoked_at = $2
            WHERE id = $1 AND revoked_at IS NULL
            RETURNING id
        )
    ";

    let Some(id) = id_of(key) else {
        return Ok(false);
    };

    let organizations: Vec<OrganizationId> =
        sql.query("api_keys.find", FIND, [id.uuid().into()]).await?;
    let Some(organization) = organizations.first() else {
        return Ok(false);
    };

    let event = about(
        Action::TokenRevoked,
        "api_key",
        Some(id.uuid()),
        Some(*organization),
    );

    let now = sql.database().runtime().clock.now();
    let change = Change::new(
        "api_keys.revoke_any",
        REVOKE,
        [id.uuid().into(), now.inner().into()],
        event,
    );

    Ok(!sql.change(change).await?.is_empty())
}

impl ListedKey {
    fn of(row: ApiKeyRow) -> Self {
        Self {
            id: row.id.uuid(),
            name: row.name,
            user: row.user_id,
            organization: row.organization_id,
            scopes: row.scopes,
            made_by: row.made_by,
            sponsor: row.sponsor_id,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}
