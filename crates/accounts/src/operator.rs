//! The operator's commands for accounts and sessions.

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{Change, Error, FromRow, Sql};
use mainstay_kernel::{EmailAddress, OrganizationId, SessionId, Timestamp, UserId};
use mainstay_principals::events::{Action, about_session, about_user};

use crate::account::address::email_index;

/// An account as shown to operators.
#[derive(Clone, Debug, FromRow)]
pub struct UserSummary {
    /// The account.
    pub id: UserId,
    /// A service account's name; `None` for a person.
    pub name: Option<String>,
    /// Whether it is active.
    pub active: bool,
    /// Whether sign-in requires a second factor.
    pub second_factor: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its organizations and its role in each, for example `Acme (owner)`.
    pub memberships: Vec<String>,
}

/// A session as shown to operators.
#[derive(Clone, Debug, FromRow)]
pub struct SessionSummary {
    /// The session.
    pub id: SessionId,
    /// `token`, `cookie` or `client`.
    pub kind: String,
    /// The organization that it works in.
    #[from_row(column = "organization_id")]
    pub organization: Option<OrganizationId>,
    /// When it started.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Finds an account by its id or its address.
///
/// # Errors
/// The error of the database.
pub async fn find_user(sql: &Sql, who: &str) -> Result<Option<UserSummary>, Error> {
    const FIND: &str = r"
        SELECT
            u.id, u.name, u.active, u.second_factor, u.created_at,
            ARRAY(
                SELECT o.name || ' (' || r.name || ')'
                FROM mainstay.memberships m
                JOIN mainstay.organizations o ON o.id = m.organization_id
                JOIN mainstay.roles r ON r.id = m.role_id
                WHERE m.user_id = u.id
                ORDER BY m.created_at
            ) AS memberships
        FROM mainstay.users u
        WHERE u.id = $1 OR u.email_index = ANY ($2)
    ";

    let id = who.parse::<UserId>().ok().map(UserId::uuid);
    let indexes: Vec<Vec<u8>> = EmailAddress::parse(who).map_or_else(Vec::new, |email| {
        Sealed::new(email)
            .indexes(sql.database().ring(), &email_index())
            .into_iter()
            .map(BlindIndex::into_bytes)
            .collect()
    });

    let users: Vec<UserSummary> = sql
        .query("users.find", FIND, [id.into(), indexes.into()])
        .await?;

    Ok(users.into_iter().next())
}

/// Lists the sessions of an account that have neither ended nor expired.
///
/// # Errors
/// The error of the database.
pub async fn sessions_of(sql: &Sql, user: UserId) -> Result<Vec<SessionSummary>, Error> {
    const LIST: &str = r"
        SELECT id, kind, organization_id, created_at, last_used_at, expires_at
        FROM mainstay.sessions
        WHERE user_id = $1
          AND ended_at IS NULL
          AND expires_at > $2
          AND (idle_expires_at IS NULL OR idle_expires_at > $2)
        ORDER BY id DESC
    ";

    let now = sql.database().runtime().clock.now();
    let values = [user.uuid().into(), now.inner().into()];

    sql.query("sessions.of", LIST, values).await
}

/// Ends a session. Every replica sees this within a second. Returns `false` if the session does not
/// exist or has ended.
///
/// # Errors
/// The error of the database.
pub async fn end_session(sql: &Sql, session: SessionId) -> Result<bool, Error> {
    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $2
            WHERE id = $1 AND ended_at IS NULL
            RETURNING id
        )
    ";

    let now = sql.database().runtime().clock.now();
    let event = about_session(Action::TokenRevoked, session, None);
    let values = [session.uuid().into(), now.inner().into()];

    Ok(!sql
        .change(Change::new("sessions.end_by_operator", END, values, event))
        .await?
        .is_empty())
}

/// Ends every session of an account and returns their number.
///
/// # Errors
/// The error of the database.
pub async fn end_sessions_of(sql: &Sql, user: UserId) -> Result<usize, Error> {
    // The lock on the account orders this statement before or after a concurrent sign-in.
    const END: &str = r"
        person AS (
            SELECT id
            FROM mainstay.users
            WHERE id = $1
            FOR NO KEY UPDATE
        ),
        ended AS (
            SELECT mainstay.end_sessions(id, NULL, NULL, $2) AS ids
            FROM person
        ),
        changed AS (SELECT unnest(ids) FROM ended)
    ";

    let now = sql.database().runtime().clock.now();
    let event = about_user(Action::TokenRevoked, Some(user), None);
    let values = [user.uuid().into(), now.inner().into()];

    Ok(sql
        .change(Change::new(
            "sessions.end_all_by_operator",
            END,
            values,
            event,
        ))
        .await?
        .len())
}
