use http::StatusCode;
use mainstay_crypto::{HashError, Sealed, Verdict};
use mainstay_database::{Change, Error, Event, Row, Unscoped};
use mainstay_http::{
    CreatedAt, INTERNAL, Json, Kind, NoContent, Problem, Public, Shared, SignedIn, UNAVAILABLE, delete, input, post,
    view,
};
use mainstay_kernel::{ExposeSecret as _, OrganizationId, SecretString, SessionId, UserId};

use crate::{EmailAddress, Identity, Password, accounts::email_index};

/// The e-mail address or the password is wrong, or the account may not sign in: the answer does not say which.
const INVALID_CREDENTIALS: Kind =
    Kind::new(StatusCode::UNAUTHORIZED, "invalid_credentials", "The e-mail address or the password is wrong.");

/// How to sign in.
#[input]
pub(super) struct CreateSession {
    /// The account's e-mail address.
    email: Sealed<EmailAddress>,
    /// The account's password.
    password: Password,
    /// Where to work, for an account of several organizations; its oldest membership when absent.
    organization_id: Option<OrganizationId>,
}

/// A new session (members as in RFC 6749 §5.1).
#[view]
pub(super) struct SessionView {
    /// What to send as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the session ends by itself.
    expires_in: i64,
}

/// Sign in with e-mail address and password.
///
/// The answer is the same, and takes the same work, whether the account exists or not.
#[post("/v1/sessions", problems(INVALID_CREDENTIALS))]
pub(super) async fn create_session(
    by: Public,
    identity: Shared<Identity>,
    Json(body): Json<CreateSession>,
) -> Result<CreatedAt<SessionView>, Problem> {
    let unscoped = by.unscoped("nobody is signed in yet");
    let account = find_account(&unscoped, &body).await?;
    let stored = account.as_ref().map(|account| account.password_hash.expose_secret());
    let verdict = identity.hasher.verify(body.password.secret(), stored).await.map_err(not_hashed)?;
    let Some(account) = account.filter(|account| account.active && verdict != Verdict::Wrong) else {
        unscoped.record(event("authn_login_fail", None, None)).await?;
        return Err(INVALID_CREDENTIALS.problem());
    };
    if verdict == Verdict::RightButOutdated {
        renew_hash(&unscoped, &identity, &account, &body.password).await?;
    }
    let session = start_session(&unscoped, &identity, &account).await?;
    let view = issue(&identity, &account, session)?;
    Ok(CreatedAt("/v1/sessions/current".into(), view))
}

/// Sign out: end the session of the token that asks.
///
/// Its tokens are refused at once here, and within a second by every replica.
#[delete("/v1/sessions/current")]
pub(super) async fn delete_current_session(by: SignedIn, identity: Shared<Identity>) -> Result<NoContent, Problem> {
    const END: &str = "changed AS (UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id)";
    let principal = by.principal();
    let unscoped = by.unscoped("a session is the caller's own, named by the token");
    let now = unscoped.database().runtime().clock.now();
    let ended = Event {
        resource_id: Some(principal.session.uuid()),
        resource: "session",
        ..event("authn_token_revoked", Some(principal.user), Some(principal.organization))
    };
    unscoped
        .change(Change::new("sessions.end", END, [principal.session.uuid().into(), now.inner().into()], ended))
        .await?;
    identity.forget_session(principal.session);
    Ok(NoContent)
}

struct Account {
    user: UserId,
    password_hash: SecretString,
    active: bool,
    organization: OrganizationId,
}

/// The account with this address, in the organization that was asked for.
async fn find_account(unscoped: &Unscoped, body: &CreateSession) -> Result<Option<Account>, Problem> {
    const FIND: &str = "SELECT u.id, u.password_hash, u.active, m.organization_id FROM users u \
         JOIN memberships m ON m.user_id = u.id AND ($2::uuid IS NULL OR m.organization_id = $2) \
         WHERE u.email_index = ANY($1) ORDER BY m.created_at, m.organization_id LIMIT 1";
    let read = |row: &Row| -> Result<Account, Error> {
        Ok(Account {
            user: row.get(0)?,
            password_hash: row.get::<String>(1)?.into(),
            active: row.get(2)?,
            organization: row.get(3)?,
        })
    };
    let indexes = body.email.indexes(unscoped.database().ring(), &email_index());
    let indexes: Vec<Vec<u8>> = indexes.iter().map(|index| index.as_bytes().to_vec()).collect();
    let organization = body.organization_id.map(OrganizationId::uuid);
    let rows = unscoped.select("users.sign_in", FIND, [indexes.into(), organization.into()]).await?;
    Ok(rows.first().map(read).transpose()?)
}

async fn start_session(unscoped: &Unscoped, identity: &Identity, account: &Account) -> Result<SessionId, Problem> {
    const START: &str = "changed AS (INSERT INTO sessions (id, user_id, organization_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5) RETURNING id)";
    let runtime = unscoped.database().runtime();
    let session: SessionId = runtime.new_id();
    let now = runtime.clock.now();
    let expires = now + identity.settings.session_lifetime;
    let values = [
        session.uuid().into(),
        account.user.uuid().into(),
        account.organization.uuid().into(),
        now.inner().into(),
        expires.inner().into(),
    ];
    let success = event("authn_login_success", Some(account.user), Some(account.organization));
    unscoped.change(Change::new("sessions.insert", START, values, success)).await?;
    Ok(session)
}

/// Hashes the password anew under today's parameters (OWASP ASVS 11.4.2).
async fn renew_hash(
    unscoped: &Unscoped,
    identity: &Identity,
    account: &Account,
    password: &Password,
) -> Result<(), Problem> {
    const RENEW: &str = "changed AS (UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING id)";
    let hash = identity.hasher.hash(password.secret()).await.map_err(not_hashed)?;
    let renewed = event("authn_password_rehash", Some(account.user), Some(account.organization));
    unscoped.change(Change::new("users.rehash", RENEW, [account.user.uuid().into(), hash.into()], renewed)).await?;
    Ok(())
}

fn issue(identity: &Identity, account: &Account, session: SessionId) -> Result<SessionView, Problem> {
    let runtime = identity.runtime();
    let lifetime = identity.settings.session_lifetime;
    let token = identity.settings.keys.issue(account.user, session, runtime.clock.now(), lifetime);
    let token = token.map_err(|error| INTERNAL.problem().caused_by(error))?;
    Ok(SessionView {
        access_token: token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: lifetime.whole_seconds(),
    })
}

fn event(action: &str, user: Option<UserId>, organization: Option<OrganizationId>) -> Event {
    Event { action: action.to_owned(), resource: "user", resource_id: user.map(UserId::uuid), organization }
}

fn not_hashed(error: HashError) -> Problem {
    match error {
        HashError::Busy => UNAVAILABLE
            .problem()
            .detail("Too many sign-ins at once: try again shortly.")
            .retry_after(std::time::Duration::from_secs(1))
            .caused_by(error),
        other => INTERNAL.problem().caused_by(other),
    }
}
