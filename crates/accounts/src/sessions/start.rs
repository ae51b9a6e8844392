//! Starts a session, in one statement.

use mainstay_access::Permissions;
use mainstay_database::{
    Change, Error, Event, FromRow, HeldKey, Job, OwnKey, Precondition, Row, Sql, Value,
};
use mainstay_kernel::{OrganizationId, SecretString, SessionId, Timestamp, UserId, Uuid};
use mainstay_principals::{session_cookie::CookieSecret, standing};

use super::{device::Device, refresh_token::RefreshToken};
use crate::{accounts::Accounts, throttle::attempts::Admitted};

/// The kind of a session: how its requests are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// By an access token, which a refresh token renews.
    Token,
    /// By a cookie.
    Cookie,
    /// By an access token of an OAuth client, with or without a refresh token.
    Client,
}

/// A session to start.
pub struct NewSession<'a> {
    /// The account.
    pub user: UserId,
    /// The organization that the session works in.
    pub organization: Option<OrganizationId>,
    /// The preconditions: what was verified and must still hold when the session starts. The
    /// account is first.
    pub given: Vec<Precondition>,
    /// The kind of the session.
    pub kind: SessionKind,
    /// Whether the session can be refreshed. If not, it ends with its access token.
    pub refreshable: bool,
    /// When the person authenticated.
    pub authenticated_at: Timestamp,
    /// Whether the person used a second factor.
    pub multi_factor: bool,
    /// The permissions that it is limited to.
    pub scopes: Option<Vec<String>>,
    /// The OAuth client that it is for.
    pub client: Option<String>,
    /// The client secret of a machine, which determines the session's permissions.
    pub client_secret: Option<Uuid>,
    /// The key that seals the device; `None` for a service account.
    pub key: Option<&'a OwnKey>,
    /// The user agent and the address of the sign-in.
    pub device: Device,
    /// The counted attempt, which the success takes back, with the network to remember.
    pub admitted: Option<&'a Admitted>,
    /// A job to queue, for example an e-mail.
    pub job: Option<Job>,
}

/// A started session, with the secrets that the client receives once.
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// The account.
    pub user: UserId,
    /// The permissions of the account's role in the session's organization.
    pub permissions: Permissions,
    /// The refresh token, if the session has one.
    pub refresh_token: Option<SecretString>,
    /// The cookie, if the session has one.
    pub cookie: Option<CookieSecret>,
}

#[derive(FromRow)]
struct InsertedSession {
    permissions: Vec<String>,
}

/// An account has at most a hundred active sessions. Another one ends the least recently used.
const START: &str = r"
    spent AS (
        UPDATE mainstay.authorization_codes
        SET used_at = $8, session_id = $1
        WHERE hash = $19::bytea
          AND used_at IS NULL
          AND EXISTS (SELECT FROM held)
        RETURNING hash, grant_id
    ),
    changed AS (
        INSERT INTO mainstay.sessions (
            id, user_id, organization_id, kind,
            cookie_hash, client_id, scopes,
            created_at, authenticated_at, multi_factor,
            expires_at, idle_expires_at, last_used_at,
            user_agent, address,
            client_secret_id, grant_id
        )
        SELECT
            $1, $2, $3, $4,
            $5, $6, $7,
            $8, $9, $10,
            $11, $12, $8,
            $13, $14,
            $20, (SELECT grant_id FROM spent)
        WHERE ($19::bytea IS NULL OR EXISTS (SELECT FROM spent))
          AND EXISTS (SELECT FROM held)
        RETURNING
            id,
            ARRAY(
                SELECT p.permission
                FROM mainstay.memberships m
                JOIN mainstay.role_permissions p ON p.role_id = m.role_id
                WHERE m.user_id = $2 AND m.organization_id = $3
            ) AS permissions,
            mainstay.settle_attempt($17, $18)
    ),
    token AS (
        INSERT INTO mainstay.refresh_tokens (hash, session_id, created_at)
        SELECT $15::bytea, id, $8
        FROM changed
        WHERE $15 IS NOT NULL
    ),
    surplus AS (
        UPDATE mainstay.sessions
        SET ended_at = $8
        WHERE $12 IS NOT NULL
          AND EXISTS (SELECT FROM changed)
          AND id IN (
              SELECT id
              FROM mainstay.sessions
              WHERE user_id = $2 AND ended_at IS NULL AND idle_expires_at > $8
              ORDER BY coalesce(last_used_at, created_at) DESC, id DESC
              OFFSET 99
          )
    ),
    place AS (
        INSERT INTO mainstay.sign_in_places (user_id, place, seen_at)
        SELECT $2, $16::bytea, $8
        FROM changed
        WHERE $16 IS NOT NULL
        ON CONFLICT ON CONSTRAINT sign_in_places_pkey DO UPDATE
        SET seen_at = excluded.seen_at
    )
";

/// Starts a session. `None` if a precondition no longer holds: the password or a factor was
/// changed, the account was deactivated, or the member was removed.
///
/// # Errors
/// The error of the database.
pub async fn start_session(
    sql: &Sql,
    accounts: &Accounts,
    new: NewSession<'_>,
    event: impl FnOnce(SessionId) -> Event,
) -> Result<Option<Started>, Error> {
    start(sql, accounts, new, None, event).await
}

/// Starts a session for an authorization code. `None` if the code was already used or a
/// precondition no longer holds.
///
/// # Errors
/// The error of the database.
pub async fn start_session_by_code(
    sql: &Sql,
    accounts: &Accounts,
    new: NewSession<'_>,
    code: &[u8],
    event: impl FnOnce(SessionId) -> Event,
) -> Result<Option<Started>, Error> {
    start(sql, accounts, new, Some(code.to_vec()), event).await
}

async fn start(
    sql: &Sql,
    accounts: &Accounts,
    new: NewSession<'_>,
    code: Option<Vec<u8>>,
    event: impl FnOnce(SessionId) -> Event,
) -> Result<Option<Started>, Error> {
    let runtime = accounts.runtime();
    let (session, now): (SessionId, _) = (runtime.new_id(), runtime.clock.now());
    let settings = &accounts.principals.settings;
    let cookie =
        (new.kind == SessionKind::Cookie).then(|| CookieSecret::new(&runtime.random, session));
    let refresh = (new.refreshable && new.kind != SessionKind::Cookie)
        .then(|| RefreshToken::new(&runtime.random));

    let (expires, idle) = if refresh.is_some() || cookie.is_some() {
        (
            now + settings.session_lifetime,
            Some(now + settings.session_idle_lifetime),
        )
    } else {
        (now + settings.access_token_lifetime, None)
    };

    let event = event(session);
    let membership = new
        .organization
        .map(|organization| standing::member(new.user, organization));
    let moment = |moment: Timestamp| Value::from(moment.inner());

    let change = |key: Option<&HeldKey<'_>>| {
        let [user_agent, address] = new.device.seal(key, session)?;
        let values = [
            session.uuid().into(),
            new.user.uuid().into(),
            new.organization.map(OrganizationId::uuid).into(),
            new.kind.name().into(),
            cookie.as_ref().map(|cookie| cookie.hash.clone()).into(),
            new.client.clone().into(),
            new.scopes.clone().into(),
            moment(now),
            moment(new.authenticated_at),
            new.multi_factor.into(),
            moment(expires),
            idle.map(|idle| idle.inner()).into(),
            user_agent.into(),
            address.into(),
            refresh.as_ref().map(|token| token.hash.clone()).into(),
            new.admitted.map(|attempt| attempt.network.clone()).into(),
            new.admitted
                .map_or_else(Vec::new, |attempt| attempt.cleared.clone())
                .into(),
            new.admitted
                .map_or_else(Vec::new, |attempt| attempt.refunded.clone())
                .into(),
            code.clone().into(),
            new.client_secret.into(),
        ];

        let (account, others) = new.given.split_at(new.given.len().min(1));
        let given = account.iter().chain(&membership).chain(others).cloned();

        Ok(Change::new("sessions.insert", START, values, event.clone())
            .given(given)
            .queue(new.job.clone()))
    };

    let made = match new.key {
        Some(key) => sql.change_sealed(key, |key| change(Some(key))).await?,
        None => sql.change(change(None)?).await?,
    };
    let Some(inserted) = Row::read_first::<InsertedSession>(&made)? else {
        return Ok(None);
    };

    Ok(Some(Started {
        session,
        user: new.user,
        permissions: inserted.permissions.into_iter().collect(),
        refresh_token: refresh.map(|token| token.text),
        cookie,
    }))
}

impl SessionKind {
    /// The kind of a person's session: a cookie session if requested, otherwise one with tokens.
    pub const fn of_person(cookie: bool) -> Self {
        if cookie { Self::Cookie } else { Self::Token }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Cookie => "cookie",
            Self::Client => "client",
        }
    }
}
