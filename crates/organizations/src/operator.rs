//! Organizations for operators: the command line creates, lists and revokes them.

use mainstay_database::{Change, Error, FromRow, Row, Sql};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::{
    events::{Action, about},
    names::OrganizationName,
};

/// Creates an organization without members.
///
/// # Errors
/// The error of the database.
pub async fn create_organization(
    sql: &Sql,
    name: &OrganizationName,
) -> Result<OrganizationId, Error> {
    const CHANGE: &str = r"
        changed AS (
            INSERT INTO mainstay.organizations (id, name, created_at)
            VALUES ($1, $2, $3)
            RETURNING id
        )
    ";

    let runtime = sql.database().runtime();
    let id: OrganizationId = runtime.new_id();
    let event = about(
        Action::OrganizationCreated,
        "organization",
        Some(id.uuid()),
        Some(id),
    );

    let values = [
        id.uuid().into(),
        name.as_str().into(),
        runtime.clock.now().inner().into(),
    ];

    sql.change(Change::new("organizations.insert", CHANGE, values, event))
        .await?;

    Ok(id)
}

/// An organization as an operator sees it.
#[derive(Clone, Debug, FromRow)]
pub struct OrganizationSummary {
    /// The organization's id.
    pub id: OrganizationId,
    /// The organization's name.
    pub name: String,
    /// Number of members, including service accounts.
    pub members: i64,
    /// When the organization was created.
    pub created_at: Timestamp,
}

/// Number of sessions and credentials that were revoked in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Revoked {
    /// Number of sessions of members and service accounts.
    #[from_row(column = "ended_sessions")]
    pub sessions: i64,
    /// Number of API keys.
    #[from_row(column = "revoked_api_keys")]
    pub api_keys: i64,
    /// Number of client secrets of service accounts.
    #[from_row(column = "revoked_client_secrets")]
    pub client_secrets: i64,
}

/// Lists all organizations, the oldest first.
///
/// # Errors
/// The error of the database.
pub async fn list_organizations(sql: &Sql) -> Result<Vec<OrganizationSummary>, Error> {
    const LIST: &str = r"
        SELECT
            o.id,
            o.name,
            o.created_at,
            (SELECT count(*) FROM mainstay.memberships m WHERE m.organization_id = o.id) AS members
        FROM mainstay.organizations o
        ORDER BY o.created_at, o.id
    ";

    sql.query("organizations.list", LIST, []).await
}

/// Ends all sessions of an organization's members and service accounts, and revokes its API keys
/// and client secrets, on every replica within a second (OWASP ASVS 7.4.5). Returns `None` if there
/// is no such organization.
///
/// # Errors
/// The error of the database.
pub async fn revoke_organization(
    sql: &Sql,
    organization: OrganizationId,
) -> Result<Option<Revoked>, Error> {
    const REVOKE: &str = r"
        changed AS (
            SELECT revoked.*, NULL::jsonb AS before, to_jsonb(revoked) AS after
            FROM mainstay.organizations o
            CROSS JOIN LATERAL mainstay.revoke_organization(o.id, $2) AS revoked
            WHERE o.id = $1
        )
    ";

    let now = sql.database().runtime().clock.now();

    let event = about(
        Action::TokenRevoked,
        "organization",
        Some(organization.uuid()),
        Some(organization),
    );

    let values = [organization.uuid().into(), now.inner().into()];
    let change = Change::new("organizations.revoke", REVOKE, values, event).showing_rows();
    let rows = sql.change(change).await?;

    Row::read_first(&rows)
}
