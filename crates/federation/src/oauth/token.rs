//! The token endpoint.

use mainstay_access::Permissions;
use mainstay_accounts::{Accounts, sessions::device::Device};
use mainstay_http::{
    ClientBasic, Header, Json, OAuthForm, Problem, Public, Refusal, Shared, UserAgent, post, view,
};
use mainstay_kernel::{ExposeSecret as _, SessionId};
use mainstay_principals::scope;

use super::{
    client::OAuthClient,
    grants::{self, TokenRequest},
    kinds::{
        INVALID_CLIENT, INVALID_GRANT, INVALID_SCOPE, UNAUTHORIZED_CLIENT, UNSUPPORTED_GRANT_TYPE,
    },
};
use crate::unlimited::BY_GRANT;

/// The issued tokens (RFC 6749 §5.1).
#[view]
pub(super) struct TokenView {
    /// The access token. Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// The refresh token, to get the next access token; absent for `client_credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The permissions that the token grants, separated by spaces; `profile` if it only identifies
    /// the account.
    scope: String,
}

/// Get a token (OAuth 2).
///
/// Service accounts use `client_credentials`, with their client secret in `Authorization: Basic …`
/// or in the body. Applications that a person has authorized use `authorization_code` with PKCE,
/// and then `refresh_token`. A problem response also has the members `error` and
/// `error_description` of RFC 6749.
#[post(
    "/oauth/token",
    problems(
        INVALID_CLIENT,
        INVALID_GRANT,
        UNAUTHORIZED_CLIENT,
        UNSUPPORTED_GRANT_TYPE,
        INVALID_SCOPE
    )
)]
pub(super) async fn create_token(
    by: Public,
    accounts: Shared<Accounts>,
    user_agent: Header<UserAgent>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<TokenRequest>,
) -> Result<Json<TokenView>, Problem> {
    let grant = Grant::named(&body.grant_type).ok_or_else(|| UNSUPPORTED_GRANT_TYPE.problem())?;
    let sql = by.unlimited(BY_GRANT);
    let shown = (body.client_id.take(), body.client_secret.take());
    let client = OAuthClient::authenticate(&sql, &accounts.principals, basic, shown).await?;
    let client_id = client.client_id();
    let device = Device::of(by.origin(), &user_agent);

    let granted = match (grant, client) {
        (Grant::Code, OAuthClient::Application(application)) => {
            grants::by_code(&sql, &accounts, &application, body, device).await?
        }
        (Grant::Refresh, OAuthClient::Application(application)) => {
            grants::by_refresh(&sql, &accounts, &application, body).await?
        }
        (Grant::Secret, OAuthClient::Machine(client)) => {
            grants::by_secret(&sql, &accounts, client, body).await?
        }
        _ => return Err(UNAUTHORIZED_CLIENT.problem()),
    };

    let held = held(&accounts, granted.session).await?;
    let scope = scope::text(&scope::effective(&held, granted.limit.as_deref()));
    let access_token = accounts
        .principals
        .access_token(granted.user, granted.session, Some(&client_id), &scope)
        .await?;

    Ok(Json(TokenView {
        access_token: access_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: accounts
            .principals
            .settings
            .access_token_lifetime
            .whole_seconds(),
        refresh_token: granted
            .refresh_token
            .map(|token| token.expose_secret().to_owned()),
        scope,
    }))
}

/// Returns the permissions of a session at present; none if it has ended in the meantime.
async fn held(accounts: &Accounts, session: SessionId) -> Result<Permissions, Problem> {
    match accounts.principals.principal(session).await {
        Ok(principal) => Ok(principal.permissions.clone()),
        Err(Refusal::Invalid(_)) => Ok(Permissions::default()),
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

#[derive(Clone, Copy)]
enum Grant {
    Code,
    Refresh,
    Secret,
}

impl Grant {
    fn named(name: &str) -> Option<Self> {
        match name {
            "authorization_code" => Some(Self::Code),
            "refresh_token" => Some(Self::Refresh),
            "client_credentials" => Some(Self::Secret),
            _ => None,
        }
    }
}
