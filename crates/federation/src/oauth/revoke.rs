//! Token revocation (RFC 7009).

use mainstay_database::{Change, Error, FromRow, Sql, Uuid};
use mainstay_http::{
    ClientBasic, Json, OAuthForm, Problem, Public, Refusal, Shared, garde, post, view,
};
use mainstay_kernel::{OrganizationId, SessionId};
use mainstay_principals::{
    Principals,
    events::{Action, about_session},
    secret::hash,
    tokens::Verified,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    client::OAuthClient,
    kinds::{INVALID_CLIENT, INVALID_GRANT},
};
use crate::unlimited::BY_GRANT;

/// A token to revoke or to introspect (RFC 7009 §2.1, RFC 7662 §2.1).
#[derive(Deserialize, JsonSchema, garde::Validate)]
pub(crate) struct HeldToken {
    /// An access token or a refresh token.
    #[garde(length(chars, max = 16_000))]
    pub(super) token: String,
    /// `access_token` or `refresh_token`. Ignored, because the kind of a token is detected.
    #[garde(length(chars, max = 100))]
    #[serde(rename = "token_type_hint")]
    _token_type_hint: Option<String>,
    /// The client id, unless it is in `Authorization: Basic …`.
    #[garde(length(chars, max = 200))]
    pub(super) client_id: Option<String>,
    /// The client secret of a service account, unless it is in `Authorization: Basic …`.
    #[garde(length(chars, max = 200))]
    pub(super) client_secret: Option<String>,
}

/// An empty response.
#[view]
pub(super) struct RevokedView {}

/// A token, by its kind.
pub(crate) enum Held {
    /// An access token with a valid signature. It may have expired.
    Access(Verified),
    /// The hash of a token that may be a refresh token.
    Refresh(Vec<u8>),
}

impl HeldToken {
    /// Detects the kind of the token. Checks only the signature of an access token, because an
    /// expired one still identifies its session.
    pub(super) async fn held(&self, principals: &Principals) -> Result<Held, Error> {
        match principals.verify_token(&self.token).await {
            Ok(verified) => Ok(Held::Access(verified)),
            Err(Refusal::Invalid(_)) => Ok(Held::Refresh(hash(&self.token))),
            Err(Refusal::Database(error)) => Err(error),
        }
    }
}

impl Held {
    /// The values of
    /// `coalesce($1, (SELECT session_id FROM mainstay.refresh_tokens WHERE hash = $2))`.
    pub(super) fn values(self) -> (Option<Uuid>, Option<Vec<u8>>) {
        match self {
            Self::Access(verified) => (Some(verified.session.uuid()), None),
            Self::Refresh(hash) => (None, Some(hash)),
        }
    }
}

/// Revoke a token (OAuth 2, RFC 7009).
///
/// Ends the session of an access token or a refresh token, with all its tokens. The response to an
/// unknown token is the same.
#[post("/oauth/revoke", problems(INVALID_CLIENT, INVALID_GRANT))]
pub(super) async fn revoke_token(
    by: Public,
    principals: Shared<Principals>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<HeldToken>,
) -> Result<Json<RevokedView>, Problem> {
    let sql = by.unlimited(BY_GRANT);
    let shown = (body.client_id.take(), body.client_secret.take());
    let client = OAuthClient::authenticate(&sql, &principals, basic, shown).await?;
    revoke(
        &sql,
        &principals,
        body.held(&principals).await?,
        &client.client_id(),
    )
    .await?;
    Ok(Json(RevokedView {}))
}

#[derive(FromRow)]
struct IdentifiedSession {
    id: SessionId,
    organization_id: Option<OrganizationId>,
    /// Whether its tokens were issued to the client.
    is_own: bool,
}

async fn revoke(
    sql: &Sql,
    principals: &Principals,
    held: Held,
    client_id: &str,
) -> Result<(), Problem> {
    const FIND: &str = r"
        SELECT id, organization_id, client_id IS NOT DISTINCT FROM $3 AS is_own
        FROM mainstay.sessions
        WHERE ended_at IS NULL
          AND id = coalesce(
              $1::uuid,
              (SELECT session_id FROM mainstay.refresh_tokens WHERE hash = $2::bytea)
          )
    ";

    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $2
            WHERE id = $1 AND ended_at IS NULL
            RETURNING id
        )
    ";

    let (session, refresh) = held.values();
    let sessions: Vec<IdentifiedSession> = sql
        .query(
            "sessions.of_token",
            FIND,
            [session.into(), refresh.into(), client_id.into()],
        )
        .await?;
    let Some(session) = sessions.first() else {
        return Ok(());
    };
    if !session.is_own {
        return Err(INVALID_GRANT
            .problem()
            .detail("The token was issued to another client."));
    }

    let now = principals.runtime().clock.now();
    let event = about_session(Action::TokenRevoked, session.id, session.organization_id);
    sql.change(Change::new(
        "sessions.revoke",
        END,
        [session.id.uuid().into(), now.inner().into()],
        event,
    ))
    .await?;

    principals.forget_session(session.id);

    Ok(())
}
