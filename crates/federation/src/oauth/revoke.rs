//! Giving a token back (RFC 7009).

use mainstay_database::{Change, Error, Unscoped, Uuid};
use mainstay_http::{
    ClientBasic, Json, OAuthForm, Problem, Public, Refusal, Shared, garde, post, view,
};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    Principals,
    events::{Action, about_session},
    secret::hash,
    tokens::Verified,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    client::Asker,
    kinds::{INVALID_CLIENT, INVALID_GRANT},
};

/// A token that somebody holds (RFC 7009 §2.1, RFC 7662 §2.1).
#[derive(Deserialize, JsonSchema, garde::Validate)]
pub(crate) struct HeldToken {
    /// An access token or a refresh token.
    #[garde(length(chars, max = 16_000))]
    pub(super) token: String,
    /// `access_token` or `refresh_token`. It is not needed: a token shows which it is.
    #[garde(length(chars, max = 100))]
    #[serde(rename = "token_type_hint")]
    _token_type_hint: Option<String>,
    /// Who asks, unless `Authorization: Basic …` says so.
    #[garde(length(chars, max = 200))]
    pub(super) client_id: Option<String>,
    /// The secret of a service account, unless `Authorization: Basic …` shows it.
    #[garde(length(chars, max = 200))]
    pub(super) client_secret: Option<String>,
}

/// Nothing to tell.
#[view]
pub(super) struct RevokedView {}

/// Where a token leads.
pub(crate) enum Held {
    /// An access token of ours, in time or not.
    Access(Verified),
    /// The hash of what may be a refresh token.
    Refresh(Vec<u8>),
}

impl HeldToken {
    /// Only the signature of an access token is looked at: one that has run out still names its session.
    pub(super) async fn held(&self, principals: &Principals) -> Result<Held, Error> {
        match principals.verify_token(&self.token).await {
            Ok(verified) => Ok(Held::Access(verified)),
            Err(Refusal::Invalid(_)) => Ok(Held::Refresh(hash(&self.token))),
            Err(Refusal::Database(error)) => Err(error),
        }
    }
}

impl Held {
    /// The values of `coalesce($1, (SELECT session_id FROM mainstay.refresh_tokens WHERE hash = $2))`.
    pub(super) fn values(self) -> (Option<Uuid>, Option<Vec<u8>>) {
        match self {
            Self::Access(verified) => (Some(verified.session.uuid()), None),
            Self::Refresh(hash) => (None, Some(hash)),
        }
    }
}

/// Give a token back (OAuth 2).
///
/// Ends the session of an access token or of a refresh token (RFC 7009), with all its tokens. A token that nobody knows
/// is none to worry about: the answer is the same.
#[post("/oauth/revoke", problems(INVALID_CLIENT, INVALID_GRANT))]
pub(super) async fn revoke_token(
    by: Public,
    principals: Shared<Principals>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<HeldToken>,
) -> Result<Json<RevokedView>, Problem> {
    let unscoped = by.unscoped("whose token it is, is what the token tells");
    let shown = (body.client_id.take(), body.client_secret.take());
    let asker = Asker::authenticate(&unscoped, &principals, basic, shown).await?;
    revoke(
        &unscoped,
        &principals,
        body.held(&principals).await?,
        &asker.client_id(),
    )
    .await?;
    Ok(Json(RevokedView {}))
}

async fn revoke(
    unscoped: &Unscoped,
    principals: &Principals,
    held: Held,
    client_id: &str,
) -> Result<(), Problem> {
    const FIND: &str = r"
        SELECT id, organization_id, client_id IS NOT DISTINCT FROM $3
        FROM mainstay.sessions
        WHERE id = coalesce(
            $1::uuid, (SELECT session_id FROM mainstay.refresh_tokens WHERE hash = $2::bytea)
        )
          AND ended_at IS NULL
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
    let rows = unscoped
        .select(
            "sessions.of_token",
            FIND,
            [session.into(), refresh.into(), client_id.into()],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    if !row.get::<bool>(2)? {
        return Err(INVALID_GRANT
            .problem()
            .detail("The token was given to another client."));
    }

    let session: Uuid = row.get(0)?;
    let organization = row.get::<Option<Uuid>>(1)?.map(OrganizationId::from);
    let now = principals.runtime().clock.now();
    let event = about_session(Action::TokenRevoked, session.into(), organization);
    unscoped
        .change(Change::new(
            "sessions.revoke",
            END,
            [session.into(), now.inner().into()],
            event,
        ))
        .await?;

    principals.forget_session(session.into());

    Ok(())
}
