//! Looking up what a token is good for (RFC 7662).

use mainstay_access::{Permissions, permission};
use mainstay_database::{Unscoped, Uuid};
use mainstay_http::{ClientBasic, Json, OAuthForm, Problem, Public, Refusal, Shared, post, view};
use mainstay_kernel::{SessionId, Timestamp, UserId};
use mainstay_principals::{Principals, authenticate::within, client_secrets::MachineClient, scope};

use super::{
    client::{Asker, permissions_of},
    kinds::{INVALID_CLIENT, UNAUTHORIZED_CLIENT},
    revoke::{Held, HeldToken},
};

permission! {
    /// Look up what tokens of the organization are good for: for services that take them from others.
    pub(crate) TokensIntrospect = "tokens.introspect", for [Owner];
}

/// What a token is good for (RFC 7662 §2.2). A token of which the client may not know looks like one that is not valid.
#[view]
#[derive(Default)]
pub(super) struct IntrospectionView {
    /// Whether the token is valid, and the client may know.
    active: bool,
    /// What the bearer may do at present: permissions, separated by spaces; `profile` where it may only ask whose account it
    /// is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The client that it was given to, as the token says it: for a person's own session the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `Bearer`; absent for a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<UserId>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Whom it is for: this API.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// Look up what a token is good for (OAuth 2).
///
/// For service accounts, with their secret (RFC 7662). A client learns of its own tokens; one whose role grants
/// `tokens.introspect` learns of all tokens of its organization.
#[post("/oauth/introspect", problems(INVALID_CLIENT, UNAUTHORIZED_CLIENT))]
pub(super) async fn introspect_token(
    by: Public,
    principals: Shared<Principals>,
    basic: ClientBasic,
    OAuthForm(mut body): OAuthForm<HeldToken>,
) -> Result<Json<IntrospectionView>, Problem> {
    let unscoped = by.unscoped("whose token it is, is what the token tells");
    let shown = (body.client_id.take(), body.client_secret.take());
    match Asker::authenticate(&unscoped, &principals, basic, shown).await? {
        // Whoever knows a client_id without a secret could ask for tokens that were found somewhere (RFC 7662 §4).
        Asker::Application(_) => Err(UNAUTHORIZED_CLIENT.problem()),
        Asker::Machine(client) => {
            let shown = look_up(&unscoped, &principals, &client, &body).await?;
            Ok(Json(shown.unwrap_or_default()))
        }
    }
}

async fn look_up(
    unscoped: &Unscoped,
    principals: &Principals,
    client: &MachineClient,
    body: &HeldToken,
) -> Result<Option<IntrospectionView>, Problem> {
    // A refresh token ends with its session, by use or without.
    const FIND: &str = r"
        SELECT id, client_id, organization_id, least(expires_at, idle_expires_at), scopes
        FROM mainstay.sessions
        WHERE id = coalesce(
            $1::uuid,
            (
                SELECT session_id
                FROM mainstay.refresh_tokens
                WHERE hash = $2::bytea AND used_at IS NULL
            )
        )
          AND ended_at IS NULL
    ";

    let now = principals.runtime().clock.now();
    let held = body.held(principals).await?;
    let (token_ends, says) = match &held {
        Held::Access(verified) if verified.check_time(now).is_ok() => {
            (Some(verified.expires()), verified.scope.clone())
        }
        Held::Access(_) => return Ok(None),
        Held::Refresh(_) => (None, None),
    };

    let (session, refresh) = held.values();
    let rows = unscoped
        .select(
            "sessions.introspect",
            FIND,
            [session.into(), refresh.into()],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };

    let (session, its_client): (SessionId, Option<String>) = (row.get(0)?, row.get(1)?);
    let own = its_client.as_deref() == Some(client.user.to_string().as_str());
    let here = row.get::<Option<Uuid>>(2)? == Some(client.organization.uuid());
    let may_know = own
        || (here
            && permissions_of(unscoped, client)
                .await?
                .include::<TokensIntrospect>());
    if !may_know {
        return Ok(None);
    }

    let ends: Timestamp = row.get(3)?;
    if ends <= now {
        return Ok(None);
    }

    let principal = match principals.principal(session).await {
        Ok(principal) => principal,
        Err(Refusal::Invalid(_)) => return Ok(None),
        Err(Refusal::Database(error)) => return Err(error.into()),
    };

    let principal = says
        .as_ref()
        .map_or(principal.clone(), |scope| within(principal, scope));
    let scopes: Option<Vec<String>> = row.get(4)?;
    let limit = scopes.map(|scopes| said(scopes, says.as_deref()));

    Ok(Some(IntrospectionView {
        active: true,
        scope: Some(scope::text(&scope::effective(
            &principal.permissions,
            limit.as_deref(),
        ))),
        client_id: Some(its_client.unwrap_or_else(|| principals.own_client().to_owned())),
        token_type: token_ends.map(|_| "Bearer"),
        sub: Some(principal.user),
        sid: Some(principal.session),
        iss: Some(principals.settings.issuer.clone()),
        aud: Some(principals.settings.issuer.clone()),
        exp: Some(token_ends.unwrap_or_else(|| ends.unix_timestamp())),
    }))
}

/// Those of `scopes` that a token says; a refresh token says nothing of its own.
fn said(scopes: Vec<String>, says: Option<&Permissions>) -> Vec<String> {
    let Some(says) = says else { return scopes };
    scopes
        .into_iter()
        .filter(|name| says.cover([name.as_str()]))
        .collect()
}
