//! What a client is given of a session that has begun.

use http::{HeaderName, HeaderValue};
use mainstay_http::{CreatedAt, Problem, WithHeaders, view};
use mainstay_kernel::{ExposeSecret as _, SecretString, SessionId, UserId};
use mainstay_principals::scope;

use super::start::Started;
use crate::accounts::Accounts;

/// A session (members as in RFC 6749 §5.1).
#[view]
pub struct SessionView {
    /// The session.
    session_id: SessionId,
    /// What to send as `Authorization: Bearer …`; null where a cookie carries the session.
    access_token: Option<String>,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends: fetch the next before; where a cookie carries the session, until that ends.
    expires_in: i64,
    /// What to fetch the next access token with; null where a cookie carries the session.
    refresh_token: Option<String>,
}

impl SessionView {
    /// A session that is carried by an access token, which says `scope`.
    pub async fn of(
        accounts: &Accounts,
        user: UserId,
        session: SessionId,
        refresh_token: Option<SecretString>,
        scope: &str,
    ) -> Result<Self, Problem> {
        let token = accounts
            .principals
            .access_token(user, session, None, scope)
            .await?;
        Ok(Self {
            session_id: session,
            access_token: Some(token.expose_secret().to_owned()),
            token_type: "Bearer",
            expires_in: accounts
                .principals
                .settings
                .access_token_lifetime
                .whole_seconds(),
            refresh_token: refresh_token.map(|token| token.expose_secret().to_owned()),
        })
    }

    fn in_cookie(accounts: &Accounts, session: SessionId) -> Self {
        Self {
            session_id: session,
            access_token: None,
            token_type: "Bearer",
            expires_in: accounts
                .principals
                .settings
                .session_lifetime
                .whole_seconds(),
            refresh_token: None,
        }
    }
}

/// Shows a session to whoever has just begun it.
pub async fn answer(
    accounts: &Accounts,
    started: Started,
) -> Result<WithHeaders<CreatedAt<SessionView>>, Problem> {
    let lifetime = accounts.principals.settings.session_lifetime;
    let (view, headers) = match &started.cookie {
        Some(cookie) => (
            SessionView::in_cookie(accounts, started.session),
            cookie.header(lifetime),
        ),
        None => {
            let scope = scope::text(&scope::effective(&started.permissions, None));
            let view = SessionView::of(
                accounts,
                started.user,
                started.session,
                started.refresh_token,
                &scope,
            );
            (view.await?, None)
        }
    };

    let headers: Vec<(HeaderName, HeaderValue)> = headers.into_iter().collect();

    Ok(WithHeaders(
        CreatedAt("/v1/sessions/current".into(), view),
        headers,
    ))
}
