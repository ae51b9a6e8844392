//! The three grants of the token endpoint.

use mainstay_accounts::{
    Accounts,
    sessions::{
        device::Device,
        refresh::exchange,
        start::{NewSession, SessionKind, start_session, start_session_by_code},
    },
};
use mainstay_database::{Change, Error, Sql};
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
    kinds::{INVALID_GRANT, INVALID_SCOPE, unauthenticated_client},
};

/// A token request (RFC 6749 §4.1.3, §4.4.2, §6). Unknown parameters are ignored.
#[derive(Deserialize, JsonSchema, garde::Validate)]
pub(crate) struct TokenRequest {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    #[garde(length(chars, max = 100))]
    pub(super) grant_type: String,
    /// The code that `/oauth/authorize` returned.
    #[garde(length(chars, max = 200))]
    pub(super) code: Option<String>,
    /// The redirect address of the authorization request.
    #[garde(length(chars, max = 2000))]
    pub(super) redirect_uri: Option<String>,
    /// The PKCE verifier, whose SHA-256 was the `code_challenge`.
    #[garde(length(chars, max = 200))]
    pub(super) code_verifier: Option<String>,
    /// The refresh token of the previous response.
    #[garde(length(chars, max = 200))]
    pub(super) refresh_token: Option<String>,
    /// The requested permissions, separated by spaces. If absent, a service account gets all that
    /// its role grants, and a refresh gets all that was granted. Ignored with `authorization_code`,
    /// because the code has its own scope.
    #[garde(length(chars, max = 2000))]
    pub(super) scope: Option<String>,
    /// The client id, unless it is in `Authorization: Basic …`.
    #[garde(length(chars, max = 200))]
    pub(super) client_id: Option<String>,
    /// The client secret of a service account, unless it is in `Authorization: Basic …`.
    #[garde(length(chars, max = 200))]
    pub(super) client_secret: Option<String>,
}

/// The session that a grant started or refreshed.
pub(crate) struct Granted {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) refresh_token: Option<SecretString>,
    /// The scopes that the access token is limited to.
    pub(super) limit: Option<Vec<String>>,
}

/// Exchanges an authorization code, which works once.
pub(crate) async fn by_code(
    sql: &Sql,
    accounts: &Accounts,
    application: &Application,
    body: TokenRequest,
    device: Device,
) -> Result<Granted, Problem> {
    let (Some(shown), Some(redirect_uri), Some(verifier)) =
        (body.code, body.redirect_uri, body.code_verifier)
    else {
        return Err(missing(
            "The parameters code, redirect_uri and code_verifier are required.",
        ));
    };

    let refused = || INVALID_GRANT.problem();
    let now = accounts.runtime().clock.now();
    let found = StoredCode::find(sql, &shown).await?.ok_or_else(refused)?;
    if let Some(given) = found.given {
        end_session_of_code(sql, accounts, given, found.organization).await?;
        return Err(refused().caused_by("the code was used before"));
    }
    if !found.is_valid_for(&application.client_id, &redirect_uri, &verifier, now) {
        return Err(refused());
    }

    let key = found.key();
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
        key: Some(&key),
        device,
        admitted: None,
        job: None,
    };

    let event = |session| about_session(Action::TokenCreated, session, found.organization);
    match start_session_by_code(sql, accounts, new, &found.hash, event).await? {
        Some(started) => Ok(Granted {
            user: started.user,
            session: started.session,
            refresh_token: started.refresh_token,
            limit: Some(found.scopes),
        }),
        None => {
            // A concurrent exchange of the same code came first.
            if let Some(given) = StoredCode::find(sql, &shown)
                .await?
                .and_then(|code| code.given)
            {
                end_session_of_code(sql, accounts, given, found.organization).await?;
            }
            Err(refused().caused_by("the code was used by a concurrent request"))
        }
    }
}

/// Ends the session of a code that is used again. The code was stolen, before or after its first
/// exchange, so that session may be the thief's (RFC 9700 §4.5; OWASP ASVS 10.4.2).
async fn end_session_of_code(
    sql: &Sql,
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
    sql.change(Change::new("sessions.end_given", END, values, event))
        .await?;

    accounts.principals.forget_session(given);

    Ok(())
}

/// Exchanges a refresh token that was issued to the application. The request may name a narrower
/// scope, which limits the access token but not the refresh token (RFC 6749 §6).
pub(crate) async fn by_refresh(
    sql: &Sql,
    accounts: &Accounts,
    application: &Application,
    body: TokenRequest,
) -> Result<Granted, Problem> {
    let token = body
        .refresh_token
        .ok_or_else(|| missing("The parameter refresh_token is required."))?;
    let wanted = scope::parse(body.scope.as_deref());
    check_granted(sql, application, &token, &wanted).await?;

    let refreshed = exchange(sql, accounts, &token, Some(&application.client_id)).await?;
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

/// Refuses a scope that was not granted to the session of a refresh token, before the token is used
/// up. Accepts an unknown token and one of another client, because the exchange refuses these.
async fn check_granted(
    sql: &Sql,
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
    let scopes: Vec<Option<Vec<String>>> =
        sql.query("refresh_tokens.scopes", SCOPES, values).await?;
    let Some(granted) = scopes.into_iter().next() else {
        return Ok(());
    };

    let granted = granted.unwrap_or_default();
    if wanted.iter().all(|name| granted.contains(name)) {
        Ok(())
    } else {
        Err(INVALID_SCOPE.problem())
    }
}

/// Starts a session of a service account, which lasts as long as its token. Without a scope, the
/// session may use all permissions of the account's role except administrative ones.
pub(crate) async fn by_secret(
    sql: &Sql,
    accounts: &Accounts,
    client: MachineClient,
    body: TokenRequest,
) -> Result<Granted, Problem> {
    let asked = scope::parse(body.scope.as_deref());
    // A session without scopes has no administrative permissions, because no scope names them.
    let scopes = if asked.is_empty() {
        None
    } else {
        let (held, administrative) = (
            permissions_of(sql, &client).await?,
            administrative(sql).await?,
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
    let started = start_session(sql, accounts, new, event)
        .await?
        .ok_or_else(unauthenticated_client)?;

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
