//! The three ways to a token.

use mainstay_accounts::{
    Accounts,
    sessions::{
        device::Device,
        refresh::exchange,
        start::{NewSession, SessionKind, start_session, start_session_by_code},
    },
};
use mainstay_database::{Change, Error, Unscoped};
use mainstay_http::{INVALID_REQUEST, Problem, garde};
use mainstay_kernel::{OrganizationId, SecretString, SessionId, UserId};
use mainstay_principals::{
    client_secrets::MachineClient,
    events::{Action, about_session},
    scope::{self, administrative},
    secret::hash,
    standing::{self, Hold},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    client::{Application, permissions_of},
    code::StoredCode,
    kinds::{INVALID_GRANT, INVALID_SCOPE, not_the_client},
};

/// What is asked for, by what right (RFC 6749 §4.1.3, §4.4.2, §6). Parameters that are not listed are ignored.
#[derive(Deserialize, JsonSchema, garde::Validate)]
pub(crate) struct TokenRequest {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    #[garde(length(chars, max = 100))]
    pub(super) grant_type: String,
    /// The code that came back from `/oauth/authorize`.
    #[garde(length(chars, max = 200))]
    pub(super) code: Option<String>,
    /// Where the code came back to.
    #[garde(length(chars, max = 2000))]
    pub(super) redirect_uri: Option<String>,
    /// What the code's challenge is the SHA-256 of.
    #[garde(length(chars, max = 200))]
    pub(super) code_verifier: Option<String>,
    /// The refresh token of the answer before.
    #[garde(length(chars, max = 200))]
    pub(super) refresh_token: Option<String>,
    /// The permissions that are wanted, separated by spaces. A service account gets all that its role grants when absent; a
    /// refresh, all that was granted. With `authorization_code` it has no meaning: the code was granted its scope.
    #[garde(length(chars, max = 2000))]
    pub(super) scope: Option<String>,
    /// Who asks, unless `Authorization: Basic …` says so.
    #[garde(length(chars, max = 200))]
    pub(super) client_id: Option<String>,
    /// The secret of a service account, unless `Authorization: Basic …` shows it.
    #[garde(length(chars, max = 200))]
    pub(super) client_secret: Option<String>,
}

/// What a grant gave.
pub(crate) struct Granted {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) refresh_token: Option<SecretString>,
    /// What the access token is limited to.
    pub(super) limit: Option<Vec<String>>,
}

/// Exchanges a code that a person granted, once.
pub(crate) async fn by_code(
    unscoped: &Unscoped,
    accounts: &Accounts,
    application: &Application,
    body: TokenRequest,
    device: Device,
) -> Result<Granted, Problem> {
    let (Some(shown), Some(redirect_uri), Some(verifier)) =
        (body.code, body.redirect_uri, body.code_verifier)
    else {
        return Err(missing("code, redirect_uri and code_verifier are needed."));
    };

    let refused = || INVALID_GRANT.problem();
    let now = accounts.runtime().clock.now();
    let found = StoredCode::find(unscoped, &shown)
        .await?
        .ok_or_else(refused)?;
    if let Some(given) = found.given {
        end_what_it_gave(unscoped, accounts, given, found.organization).await?;
        return Err(refused().caused_by("the code was used before"));
    }
    if !found.is_good_for(&application.client_id, &redirect_uri, &verifier, now) {
        return Err(refused());
    }

    let new = NewSession {
        user: found.user,
        organization: found.organization,
        given: vec![
            standing::active(found.user, Hold::Shared),
            standing::session(found.granted_by),
            application.active(),
            found.is_not_withdrawn(),
        ],
        kind: SessionKind::Client,
        refreshable: true,
        authenticated_at: found.authenticated_at,
        multi_factor: found.multi_factor,
        scopes: Some(found.scopes.clone()),
        client: Some(application.client_id.clone()),
        client_secret: None,
        key: found.key.as_ref(),
        device,
        admitted: None,
        job: None,
    };

    let event = |session| about_session(Action::TokenCreated, session, found.organization);
    match start_session_by_code(unscoped, accounts, new, &found.hash, event).await? {
        Some(started) => Ok(Granted {
            user: started.user,
            session: started.session,
            refresh_token: started.refresh_token,
            limit: Some(found.scopes),
        }),
        None => {
            // Another exchange of the same code was first, a moment ago.
            if let Some(given) = StoredCode::find(unscoped, &shown)
                .await?
                .and_then(|code| code.given)
            {
                end_what_it_gave(unscoped, accounts, given, found.organization).await?;
            }
            Err(refused().caused_by("the code was used at the same moment"))
        }
    }
}

/// A code that comes back was stolen before or after its exchange, and nobody can tell which: what it gave ends (RFC 9700
/// §4.5; OWASP ASVS 10.4.2).
async fn end_what_it_gave(
    unscoped: &Unscoped,
    accounts: &Accounts,
    given: SessionId,
    organization: Option<OrganizationId>,
) -> Result<(), Error> {
    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $2
            WHERE id = $1 AND ended_at IS NULL
            RETURNING id
        )
    ";
    let now = accounts.runtime().clock.now();
    let event = about_session(Action::TokenReuse, given, organization);
    let values = [given.uuid().into(), now.inner().into()];
    unscoped
        .change(Change::new("sessions.end_given", END, values, event))
        .await?;
    accounts.principals.forget_session(given);
    Ok(())
}

/// Exchanges a refresh token of the application's own. A scope may be named within what was granted: the access token is
/// limited to it, and the refresh token is not (RFC 6749 §6).
pub(crate) async fn by_refresh(
    unscoped: &Unscoped,
    accounts: &Accounts,
    application: &Application,
    body: TokenRequest,
) -> Result<Granted, Problem> {
    let token = body
        .refresh_token
        .ok_or_else(|| missing("refresh_token is needed."))?;
    let wanted = scope::parse(body.scope.as_deref());
    check_granted(unscoped, application, &token, &wanted).await?;

    let refreshed = exchange(unscoped, accounts, &token, Some(&application.client_id)).await?;
    let refreshed = refreshed.ok_or_else(|| INVALID_GRANT.problem())?;
    let limit = if wanted.is_empty() {
        refreshed.scopes
    } else {
        Some(wanted)
    };

    Ok(Granted {
        user: refreshed.user,
        session: refreshed.session,
        refresh_token: Some(refreshed.token),
        limit,
    })
}

/// Refuses a scope that exceeds what the session of a refresh token was granted, before the token is spent. Of a token that
/// does not exist or is another's, the exchange says so.
async fn check_granted(
    unscoped: &Unscoped,
    application: &Application,
    token: &str,
    wanted: &[String],
) -> Result<(), Problem> {
    const SCOPES: &str = r"
        SELECT s.scopes
        FROM mainstay.refresh_tokens t
        JOIN mainstay.sessions s ON s.id = t.session_id
        WHERE t.hash = $1 AND s.client_id = $2
    ";

    if wanted.is_empty() {
        return Ok(());
    }

    let values = [hash(token).into(), application.client_id.as_str().into()];
    let rows = unscoped
        .select("refresh_tokens.scopes", SCOPES, values)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };

    let granted = row.get::<Option<Vec<String>>>(0)?.unwrap_or_default();
    if wanted.iter().all(|name| granted.contains(name)) {
        Ok(())
    } else {
        Err(INVALID_SCOPE.problem())
    }
}

/// Gives a service account a session that lasts as long as its token, no wider than its role. Without a scope it is all
/// that the role grants, except administrative permissions: an administrator chose the role for this machine.
pub(crate) async fn by_secret(
    unscoped: &Unscoped,
    accounts: &Accounts,
    client: MachineClient,
    body: TokenRequest,
) -> Result<Granted, Problem> {
    let asked = scope::parse(body.scope.as_deref());
    // A session without scopes has named no permission: administrative ones stay closed to it.
    let scopes = if asked.is_empty() {
        None
    } else {
        let (held, administrative) = (
            permissions_of(unscoped, &client).await?,
            administrative(unscoped).await?,
        );
        Some(
            scope::resolve(&asked, &held, &administrative)
                .ok_or_else(|| INVALID_SCOPE.problem())?,
        )
    };

    let organization = Some(client.organization);
    let new = NewSession {
        user: client.user,
        organization,
        given: vec![
            standing::active(client.user, Hold::Shared),
            client.secret_stands(),
        ],
        kind: SessionKind::Client,
        refreshable: false,
        authenticated_at: accounts.runtime().clock.now(),
        multi_factor: false,
        scopes: scopes.clone(),
        client: Some(client.user.to_string()),
        client_secret: Some(client.secret),
        key: None,
        device: Device::default(),
        admitted: None,
        job: None,
    };

    let event = |session| about_session(Action::TokenCreated, session, organization);
    let started = start_session(unscoped, accounts, new, event)
        .await?
        .ok_or_else(not_the_client)?;

    Ok(Granted {
        user: started.user,
        session: started.session,
        refresh_token: None,
        limit: scopes,
    })
}

fn missing(detail: &'static str) -> Problem {
    INVALID_REQUEST.problem().detail(detail)
}
