//! Refreshes a session: exchanges a refresh token for its successor.

use http::StatusCode;
use mainstay_access::Permissions;
use mainstay_database::{Change, Error, FromRow, PrivateColumn, Row, Sql};
use mainstay_http::{Json, Kind, Problem, Public, Shared, input, post};
use mainstay_kernel::{
    ExposeSecret as _, OrganizationId, SecretString, SessionId, Timestamp, UserId,
};
use mainstay_principals::{
    events::{Action, about_session},
    scope,
    secret::hash,
    standing::{self, Hold},
};
use time::Duration;

use super::{answer::SessionView, refresh_token::RefreshToken};
use crate::{accounts::Accounts, unlimited::SIGNED_OUT};

/// The refresh token is unknown, expired or already exchanged.
pub(crate) const INVALID_REFRESH_TOKEN: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "invalid_refresh_token",
    "The refresh token is invalid or has expired. Sign in again.",
);

/// How long after its exchange a refresh token still returns the same successor. A client that lost
/// the response retries within seconds; an attacker rarely does (RFC 9700 §4.14.2).
const RETRY_WINDOW: Duration = Duration::seconds(10);

/// The purpose that successors are sealed for.
const PURPOSE: &str = "refresh token";

/// The sealed column of successors.
pub(super) const SUCCESSOR: PrivateColumn = PrivateColumn {
    table: "mainstay.refresh_tokens",
    id: "hash",
    id_type: "bytea",
    column: "successor",
    purpose: PURPOSE,
    context: "hash",
};

/// A refresh token.
#[input]
pub(super) struct RefreshSession {
    /// The `refresh_token` of the last response. Each token can be used once.
    #[garde(length(chars, min = 1, max = 200))]
    refresh_token: String,
}

/// Refresh a session.
///
/// Returns a new access token and a new refresh token; the old refresh token becomes invalid. For
/// ten seconds the old token returns the same response again, for clients that lost it. Any later
/// use ends the session, because the token may be stolen.
#[post("/v1/sessions/current/refresh", problems(INVALID_REFRESH_TOKEN))]
pub(super) async fn refresh_session(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<RefreshSession>,
) -> Result<Json<SessionView>, Problem> {
    let sql = by.unlimited(SIGNED_OUT);
    let refreshed = exchange(&sql, &accounts, &body.refresh_token, None).await?;
    let refreshed = refreshed.ok_or_else(|| INVALID_REFRESH_TOKEN.problem())?;

    let scope = scope::text(&scope::effective(&refreshed.permissions, None));
    let view = SessionView::of(
        &accounts,
        refreshed.user,
        refreshed.session,
        Some(refreshed.token),
        &scope,
    );

    Ok(Json(view.await?))
}

/// The result of an exchange.
pub struct Refreshed {
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The successor.
    pub token: SecretString,
    /// The permissions that the session is limited to.
    pub scopes: Option<Vec<String>>,
    /// The permissions of the account's role in the session's organization.
    pub permissions: Permissions,
}

#[derive(FromRow)]
struct Found {
    #[from_row(column = "id")]
    session: SessionId,
    #[from_row(column = "user_id")]
    user: UserId,
    #[from_row(column = "organization_id")]
    organization: Option<OrganizationId>,
    used_at: Option<Timestamp>,
    successor: Option<Vec<u8>>,
    alive: bool,
    #[from_row(column = "client_id")]
    client: Option<String>,
    scopes: Option<Vec<String>>,
    permissions: Vec<String>,
}

#[derive(FromRow)]
struct SpentToken {
    successor: Vec<u8>,
}

/// Exchanges a refresh token for its successor, if it belongs to `client`. Two round trips.
pub async fn exchange(
    sql: &Sql,
    accounts: &Accounts,
    token: &str,
    client: Option<&str>,
) -> Result<Option<Refreshed>, Error> {
    let (old, now) = (hash(token), accounts.runtime().clock.now());
    let Some(found) = find(sql, &old, now).await? else {
        return Ok(None);
    };
    if !found.alive || found.client.as_deref() != client {
        return Ok(None);
    }

    let token = match (found.used_at, &found.successor) {
        (None, _) => rotate(sql, accounts, &found, &old, now).await?,
        (Some(used_at), Some(successor)) if now <= used_at + RETRY_WINDOW => {
            open(sql, &old, successor)
        }
        (Some(_), _) => {
            end_family(sql, accounts, &found, now).await?;
            None
        }
    };

    Ok(token.map(|token| found.refreshed(token)))
}

/// Opens the successor that the token `old` was exchanged for.
fn open(sql: &Sql, old: &[u8], successor: &[u8]) -> Option<SecretString> {
    let text = sql
        .database()
        .ring()
        .open_private(PURPOSE, old, successor)
        .ok()?;

    Some(String::from_utf8_lossy(&text).into_owned().into())
}

async fn find(sql: &Sql, hash: &[u8], now: Timestamp) -> Result<Option<Found>, Error> {
    const FIND: &str = r"
        SELECT
            s.id, s.user_id, s.organization_id,
            t.used_at, t.successor,
            s.ended_at IS NULL
                AND s.expires_at > $2
                AND s.idle_expires_at > $2
                AND u.active
                AND (s.organization_id IS NULL OR m.user_id IS NOT NULL) AS alive,
            s.client_id, s.scopes,
            ARRAY(
                SELECT permission
                FROM mainstay.role_permissions
                WHERE role_id = m.role_id
            ) AS permissions
        FROM mainstay.refresh_tokens t
        JOIN mainstay.sessions s ON s.id = t.session_id
        JOIN mainstay.users u ON u.id = s.user_id
        LEFT JOIN mainstay.memberships m ON m.user_id = s.user_id
            AND m.organization_id = s.organization_id
        WHERE t.hash = $1
    ";

    let found: Vec<Found> = sql
        .query(
            "refresh_tokens.find",
            FIND,
            [hash.to_vec().into(), now.inner().into()],
        )
        .await?;

    Ok(found.into_iter().next())
}

/// Marks the token as used and returns its successor. Of two concurrent exchanges of one token, the
/// second waits for the row lock, sees the first one's update (PostgreSQL manual, 13.2.1), and
/// returns the same successor.
async fn rotate(
    sql: &Sql,
    accounts: &Accounts,
    found: &Found,
    old: &[u8],
    now: Timestamp,
) -> Result<Option<SecretString>, Error> {
    const ROTATE: &str = r"
        alive AS (
            SELECT id
            FROM mainstay.sessions
            WHERE id = $6
              AND ended_at IS NULL
              AND EXISTS (SELECT FROM held)
            FOR NO KEY UPDATE
        ),
        spent AS (
            UPDATE mainstay.refresh_tokens
            SET used_at = coalesce(used_at, $2),
                successor = coalesce(successor, $3)
            WHERE hash = $1
              AND EXISTS (SELECT FROM alive)
            RETURNING session_id, successor, successor = $3 AS first
        ),
        token AS (
            INSERT INTO mainstay.refresh_tokens (hash, session_id, created_at)
            SELECT $4, session_id, $2
            FROM spent
            WHERE first
        ),
        changed AS (
            UPDATE mainstay.sessions s
            SET idle_expires_at = $5, last_used_at = $2
            FROM spent
            WHERE s.id = spent.session_id AND spent.first
            RETURNING s.id
        )
    ";

    let runtime = accounts.runtime();
    let next = RefreshToken::new(&runtime.random);
    let text = next.text.expose_secret().as_bytes();
    let values = [
        old.to_vec().into(),
        now.inner().into(),
        sql.database()
            .ring()
            .seal_private(&runtime.random, PURPOSE, old, text)
            .into(),
        next.hash.into(),
        (now + accounts.principals.settings.session_idle_lifetime)
            .inner()
            .into(),
        found.session.uuid().into(),
    ];

    let active = standing::active(found.user, Hold::Shared);
    let member = found
        .organization
        .map(|organization| standing::member(found.user, organization));
    let event = about_session(Action::SessionRenewed, found.session, found.organization);
    let change = Change::new("refresh_tokens.rotate", ROTATE, values, event)
        .given(std::iter::once(active).chain(member))
        .answering("spent");

    let rows = sql.change(change).await?;
    let spent: Option<SpentToken> = Row::read_first(&rows)?;

    Ok(spent.and_then(|spent| open(sql, old, &spent.successor)))
}

/// Ends the session after a used token was presented again. The owner or an attacker has a
/// successor, and it is not known which of them sent this request.
async fn end_family(
    sql: &Sql,
    accounts: &Accounts,
    found: &Found,
    now: Timestamp,
) -> Result<(), Error> {
    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $2
            WHERE id = $1 AND ended_at IS NULL
            RETURNING id
        )
    ";

    let values = [found.session.uuid().into(), now.inner().into()];
    let event = about_session(Action::TokenReuse, found.session, found.organization);
    sql.change(Change::new("sessions.end_family", END, values, event))
        .await?;
    accounts.principals.forget_session(found.session);

    Ok(())
}

impl Found {
    fn refreshed(self, token: SecretString) -> Refreshed {
        Refreshed {
            user: self.user,
            session: self.session,
            token,
            scopes: self.scopes,
            permissions: self.permissions.into_iter().collect(),
        }
    }
}
