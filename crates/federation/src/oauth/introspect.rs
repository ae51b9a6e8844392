//! Token introspection (RFC 7662).

use mainstay_access::{Permissions, permission};
use mainstay_database::{FromRow, Sql};
use mainstay_http::{ClientBasic, Json, OAuthForm, Problem, Public, Refusal, Shared, post, view};
use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId};
use mainstay_principals::{Principals, authenticate::within, client_secrets::MachineClient, scope};

use super::{
    client::{OAuthClient, permissions_of},
    kinds::{INVALID_CLIENT, UNAUTHORIZED_CLIENT},
    revoke::{Held, HeldToken},
};
use crate::unlimited::BY_GRANT;

permission! {
    /// Introspect tokens of the organization, for services that receive tokens from other clients.
    pub(crate) TokensIntrospect = "tokens.introspect", for [Owner];
}

/// The state of a token (RFC 7662 §2.2). A token that the client may not introspect is reported as
/// inactive.
#[view]
#[derive(Default)]
pub(super) struct IntrospectionView {
    /// Whether the token is valid and the client may introspect it. If false, all other members are
    /// absent.
    active: bool,
    /// The permissions that the token grants at present, separated by spaces; `profile` if it only
    /// identifies the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The client that the token was issued to, as in the token. For a person's own session, this
    /// is the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `Bearer`; absent for a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The account's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<UserId>,
    /// The session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    /// The issuer of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// The audience of the token, which is this API.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// When the token expires, as a Unix timestamp in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

#[derive(FromRow)]
struct StoredSession {
    id: SessionId,
    client_id: Option<String>,
    organization_id: Option<OrganizationId>,
    /// When it expires if it is not used again.
    expires: Timestamp,
    scopes: Option<Vec<String>>,
}

/// Introspect a token (OAuth 2, RFC 7662).
///
/// For service accounts, which authenticate with their client secret. A client can introspect its
/// own tokens. With the permission `tokens.introspect`, it can introspect all tokens of its
/// organization.
#[post("/oauth/introspect", problems(INVALID_CLIENT, UNAUTHORIZED_CLIENT))]
pub(super) async fn introspect_token(
    by: Public,
    principals: Shared<Principals>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<HeldToken>,
) -> Result<Json<IntrospectionView>, Problem> {
    let sql = by.unlimited(BY_GRANT);
    let shown = (body.client_id.take(), body.client_secret.take());
    match OAuthClient::authenticate(&sql, &principals, basic, shown).await? {
        // A client without a secret is not authenticated. Anyone could use its client_id to test
        // tokens (RFC 7662 §4).
        OAuthClient::Application(_) => Err(UNAUTHORIZED_CLIENT.problem()),
        OAuthClient::Machine(client) => {
            let shown = look_up(&sql, &principals, &client, &body).await?;
            Ok(Json(shown.unwrap_or_default()))
        }
    }
}

async fn look_up(
    sql: &Sql,
    principals: &Principals,
    client: &MachineClient,
    body: &HeldToken,
) -> Result<Option<IntrospectionView>, Problem> {
    // `$1` is the session of an access token. `$2` is the hash of a refresh token, which expires
    // with its session.
    const FIND: &str = r"
        SELECT id, client_id, organization_id, least(expires_at, idle_expires_at) AS expires, scopes
        FROM mainstay.sessions
        WHERE ended_at IS NULL
          AND id = coalesce(
              $1::uuid,
              (
                  SELECT session_id
                  FROM mainstay.refresh_tokens
                  WHERE hash = $2::bytea AND used_at IS NULL
              )
          )
    ";

    let now = principals.runtime().clock.now();
    let held = body.held(principals).await?;
    let (token_expires, token_scope) = match &held {
        Held::Access(verified) if verified.check_time(now).is_ok() => {
            (Some(verified.expires()), verified.scope.clone())
        }
        Held::Access(_) => return Ok(None),
        Held::Refresh(_) => (None, None),
    };

    let (session, refresh) = held.values();
    let sessions: Vec<StoredSession> = sql
        .query(
            "sessions.introspect",
            FIND,
            [session.into(), refresh.into()],
        )
        .await?;
    let Some(session) = sessions.into_iter().next() else {
        return Ok(None);
    };

    let own = session.client_id.as_deref() == Some(client.user.to_string().as_str());
    let here = session.organization_id == Some(client.organization);
    let may_know = own
        || (here
            && permissions_of(sql, client)
                .await?
                .include::<TokensIntrospect>());
    if !may_know {
        return Ok(None);
    }

    if session.expires <= now {
        return Ok(None);
    }

    let principal = match principals.principal(session.id).await {
        Ok(principal) => principal,
        Err(Refusal::Invalid(_)) => return Ok(None),
        Err(Refusal::Database(error)) => return Err(error.into()),
    };

    let principal = token_scope
        .as_ref()
        .map_or(principal.clone(), |scope| within(principal, scope));
    let limit = session
        .scopes
        .map(|scopes| scopes_in(scopes, token_scope.as_deref()));

    Ok(Some(IntrospectionView {
        active: true,
        scope: Some(scope::text(&scope::effective(
            &principal.permissions,
            limit.as_deref(),
        ))),
        client_id: Some(
            session
                .client_id
                .unwrap_or_else(|| principals.own_client().to_owned()),
        ),
        token_type: token_expires.map(|_| "Bearer"),
        sub: Some(principal.user),
        sid: Some(principal.session),
        iss: Some(principals.settings.issuer.clone()),
        aud: Some(principals.settings.issuer.clone()),
        exp: Some(token_expires.unwrap_or_else(|| session.expires.unix_timestamp())),
    }))
}

/// Keeps those of `scopes` that the scope of the token covers. A refresh token has no scope of its
/// own.
fn scopes_in(scopes: Vec<String>, token_scope: Option<&Permissions>) -> Vec<String> {
    let Some(token_scope) = token_scope else {
        return scopes;
    };

    scopes
        .into_iter()
        .filter(|name| token_scope.cover([name.as_str()]))
        .collect()
}
