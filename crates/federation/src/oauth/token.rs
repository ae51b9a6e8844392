use mainstay_access::Permissions;
use mainstay_http::{
    ClientBasic, Header, Json, OAuthForm, Problem, Public, Refusal, Shared, UserAgent, garde, post,
    view,
};
use mainstay_kernel::{ExposeSecret as _, SecretString, SessionId, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    client::Asker,
    grants,
    kinds::{
        INVALID_CLIENT, INVALID_GRANT, INVALID_SCOPE, UNAUTHORIZED_CLIENT, UNSUPPORTED_GRANT_TYPE,
    },
    scope,
};
use crate::{Identity, sessions::Device};

/// What is asked for, by what right (RFC 6749 §4.1.3, §4.4.2, §6). Parameters that are not listed are ignored.
#[derive(Deserialize, JsonSchema, garde::Validate)]
pub(super) struct TokenRequest {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    #[garde(length(chars, max = 100))]
    grant_type: String,
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
    client_id: Option<String>,
    /// The secret of a service account, unless `Authorization: Basic …` shows it.
    #[garde(length(chars, max = 200))]
    client_secret: Option<String>,
}

/// Tokens (RFC 6749 §5.1).
#[view]
pub(super) struct TokenView {
    /// What to send as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// What to fetch the next access token with; absent for `client_credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What the token may do: permissions, separated by spaces; `profile` where it may only ask whose account it is for.
    scope: String,
}

/// What a grant gave.
pub(super) struct Granted {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) refresh_token: Option<SecretString>,
    /// What the access token is limited to.
    pub(super) limit: Option<Vec<String>>,
}

/// Get a token (OAuth 2).
///
/// For service accounts by `client_credentials`, with their secret in `Authorization: Basic …` or in the body; for
/// applications that a person let in by `authorization_code` with PKCE, then by `refresh_token`. A refusal is a problem
/// document that also has the members `error` and `error_description` of RFC 6749.
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
    identity: Shared<Identity>,
    user_agent: Header<UserAgent>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<TokenRequest>,
) -> Result<Json<TokenView>, Problem> {
    let grant = Grant::named(&body.grant_type).ok_or_else(|| UNSUPPORTED_GRANT_TYPE.problem())?;
    let unscoped = by.unscoped("who asks for a token is what its grant tells");
    let shown = (body.client_id.take(), body.client_secret.take());
    let asker = Asker::authenticate(&unscoped, &identity, basic, shown).await?;
    let client_id = asker.client_id();
    let device = Device::of(by.origin(), &user_agent);

    let granted = match (grant, asker) {
        (Grant::Code, Asker::Application(application)) => {
            grants::by_code(&unscoped, &identity, &application, body, device).await?
        }
        (Grant::Refresh, Asker::Application(application)) => {
            grants::by_refresh(&unscoped, &identity, &application, body).await?
        }
        (Grant::Secret, Asker::Machine(client)) => {
            grants::by_secret(&unscoped, &identity, client, body).await?
        }
        _ => return Err(UNAUTHORIZED_CLIENT.problem()),
    };

    let held = held(&identity, granted.session).await?;
    let scope = scope::text(&scope::effective(&held, granted.limit.as_deref()));
    let access_token = identity
        .access_token(granted.user, granted.session, Some(&client_id), &scope)
        .await?;

    Ok(Json(TokenView {
        access_token: access_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: identity.settings.access_token_lifetime.whole_seconds(),
        refresh_token: granted
            .refresh_token
            .map(|token| token.expose_secret().to_owned()),
        scope,
    }))
}

/// What a session may do at present; nothing when it has ended since.
async fn held(identity: &Identity, session: SessionId) -> Result<Permissions, Problem> {
    match identity.principal(session).await {
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
