//! The response to a client that has started a session.

use mainstay_http::{CreatedAt, Problem, WithHeaders, view};
use mainstay_kernel::{ExposeSecret as _, SecretString, SessionId, UserId};
use mainstay_principals::scope;

use super::start::Started;
use crate::accounts::Accounts;

/// A session, with the members of RFC 6749 §5.1.
#[view]
pub struct SessionView {
    /// The session's identifier.
    session_id: SessionId,
    /// The access token, to send as `Authorization: Bearer …`; null for a cookie session.
    access_token: Option<String>,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires. Refresh the session before then. For a cookie
    /// session: seconds until the cookie expires.
    expires_in: i64,
    /// The refresh token, which obtains the next access token; null for a cookie session.
    refresh_token: Option<String>,
}

impl SessionView {
    /// Issues an access token with a scope, and shows the session that it belongs to.
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

/// Shows a session to the client that has just started it.
pub async fn answer(
    accounts: &Accounts,
    started: Started,
) -> Result<WithHeaders<CreatedAt<SessionView>>, Problem> {
    let lifetime = accounts.principals.settings.session_lifetime;

    let (view, header) = match &started.cookie {
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

    Ok(WithHeaders(
        CreatedAt("/v1/sessions/current".into(), view),
        header.into_iter().collect(),
    ))
}
