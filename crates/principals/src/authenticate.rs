//! Authenticates a credential: from memory while the cache is trusted, otherwise with one query.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_access::{Assurance, Credential, Permissions, Principal};
use mainstay_crypto::same_bytes;
use mainstay_database::{FromRow, Origin, Sql};
use mainstay_http::{Authenticator, PresentedCredential, Refusal};
use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId, Uuid};

use crate::{
    api_keys::text::is_key,
    directory::{Known, Sponsor},
    principals::Principals,
    session_cookie::CookieSecret,
    unlimited::AUTHENTICATION,
};

/// A machine's token has the permissions of the secret that obtained it, as far as its account and
/// its sponsor still hold them. Without scopes, machines and applications have no administrative
/// permissions.
const LOAD: &str = r"
    SELECT
        s.user_id, s.organization_id, s.expires_at,
        r.id AS role_id, r.name AS role,
        ARRAY(
            SELECT g.permission
            FROM mainstay.role_permissions g
            JOIN mainstay.permissions p ON p.name = g.permission
            WHERE g.role_id = r.id
              AND (s.kind <> 'client' OR s.scopes IS NOT NULL OR NOT p.administrative)
              AND (
                  u.kind <> 'service'
                  OR g.permission = ANY (
                      mainstay.usable_permissions(c.permissions, r.id, c.sponsor_role)
                  )
              )
        ) AS granted,
        s.kind, s.scopes,
        s.authenticated_at, s.multi_factor, u.second_factor,
        s.cookie_hash, s.idle_expires_at,
        c.sponsor_id, c.sponsor_role
    FROM mainstay.sessions s
    JOIN mainstay.users u ON u.id = s.user_id AND u.active
    LEFT JOIN mainstay.memberships m ON m.user_id = s.user_id
        AND m.organization_id = s.organization_id
    LEFT JOIN mainstay.roles r ON r.id = m.role_id
    LEFT JOIN LATERAL (
        SELECT permissions, sponsor_id,
            mainstay.sponsor_role(sponsor_id, sponsor_since, organization_id) AS sponsor_role
        FROM mainstay.client_secrets
        WHERE id = s.client_secret_id
    ) c ON true
    WHERE s.id = $1
      AND s.ended_at IS NULL
      AND (s.organization_id IS NULL OR m.user_id IS NOT NULL)
";

impl Authenticator for Principals {
    fn authenticate<'a>(
        &'a self,
        shown: PresentedCredential<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, Refusal>> {
        Box::pin(async move {
            match shown {
                PresentedCredential::Bearer(key) | PresentedCredential::BasicPassword(key)
                    if is_key(key) =>
                {
                    self.by_key(key).await
                }
                PresentedCredential::Bearer(token) => self.by_token(token).await,
                PresentedCredential::Cookie(cookie) => self.by_cookie(cookie).await,
                PresentedCredential::BasicPassword(_) => Err(Refusal::Invalid("not an API key")),
            }
        })
    }
}

impl Principals {
    async fn by_token(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        let verified = self.tokens.verify(token).await?;
        let now = self.runtime().clock.now();
        verified.check_time(now).map_err(Refusal::Invalid)?;

        let known = self.known(verified.session, now).await?;
        if known.principal.credential == Credential::Cookie {
            return Err(Refusal::Invalid("a token cannot use a cookie session"));
        }

        Ok(match verified.scope {
            Some(scope) => within(known.principal, &scope),
            None => known.principal,
        })
    }

    async fn by_cookie(&self, cookie: &str) -> Result<Arc<Principal>, Refusal> {
        let (session, hash) =
            CookieSecret::read(cookie).ok_or(Refusal::Invalid("malformed session cookie"))?;
        let known = self.known(session, self.runtime().clock.now()).await?;

        // The directory also contains API keys, which a cookie must not name.
        let expected = known
            .secret_hash
            .as_deref()
            .filter(|_| known.principal.credential == Credential::Cookie);

        if expected.is_some_and(|expected| same_bytes(expected, &hash)) {
            Ok(known.principal)
        } else {
            Err(Refusal::Invalid("the cookie's secret does not match"))
        }
    }

    /// Finds the principal of a session, with its current permissions.
    pub async fn principal(&self, session: SessionId) -> Result<Arc<Principal>, Refusal> {
        self.known(session, self.runtime().clock.now())
            .await
            .map(|known| known.principal)
    }

    /// Finds a session that has neither ended nor expired, and records its use.
    async fn known(&self, session: SessionId, now: Timestamp) -> Result<Known, Refusal> {
        let known = match self.directory.find(session) {
            Some(known) if !self.is_idle(&known, now) => known,
            // Another replica may have recorded a later use.
            _ => self.load(session).await?,
        };

        if known.expires_at <= now {
            return Err(Refusal::Invalid("the session has expired"));
        }
        if self.is_idle(&known, now) {
            return Err(Refusal::Invalid("the session was idle for too long"));
        }

        self.usage.note(session, now);

        Ok(known)
    }

    fn is_idle(&self, known: &Known, now: Timestamp) -> bool {
        let Some(written) = known.idle_expires_at else {
            return false;
        };
        let noted = self
            .usage
            .last(known.principal.session)
            .map(|last| last + self.settings.session_idle_lifetime);
        noted.map_or(written, |noted| noted.max(written)) <= now
    }

    async fn load(&self, session: SessionId) -> Result<Known, Refusal> {
        let generation = self.directory.generation();
        let origin = Origin {
            request: Uuid::nil(),
            operation: "authenticate",
            address: None,
        };

        let sql = Sql::unlimited(AUTHENTICATION, &self.database, origin, None);
        let sessions: Vec<StoredSession> = sql
            .query("sessions.load", LOAD, [session.uuid().into()])
            .await
            .map_err(Refusal::Database)?;
        let found = sessions
            .into_iter()
            .next()
            .ok_or(Refusal::Invalid("the session has ended"))?;

        let known = found.known(session);
        self.directory.keep(generation, known.clone());

        Ok(known)
    }
}

/// Limits the principal of an OAuth client to the scope of its token, which may be narrower than
/// its session's scope (RFC 6749 §6). Other principals are not limited: a person's own token states
/// what their role granted when it was issued, and grants what the role grants now.
pub fn within(principal: Arc<Principal>, scope: &Permissions) -> Arc<Principal> {
    if principal.credential != Credential::Client || scope.cover(principal.permissions.names()) {
        return principal;
    }

    let permissions = principal.permissions.limited_to(scope.names());
    Arc::new(Principal {
        permissions,
        ..(*principal).clone()
    })
}

/// A session that has not ended, with the role of its account.
#[derive(FromRow)]
struct StoredSession {
    user_id: UserId,
    organization_id: Option<OrganizationId>,
    expires_at: Timestamp,
    role_id: Option<Uuid>,
    role: Option<String>,
    granted: Vec<String>,
    kind: String,
    scopes: Option<Vec<String>>,
    authenticated_at: Timestamp,
    multi_factor: bool,
    second_factor: bool,
    cookie_hash: Option<Vec<u8>>,
    idle_expires_at: Option<Timestamp>,
    sponsor_id: Option<Uuid>,
    sponsor_role: Option<Uuid>,
}

impl StoredSession {
    fn known(self, session: SessionId) -> Known {
        let granted: Permissions = self.granted.into_iter().collect();
        let credential = match self.kind.as_str() {
            "cookie" => Credential::Cookie,
            "client" => Credential::Client,
            _ => Credential::Token,
        };

        Known {
            principal: Arc::new(Principal {
                user: self.user_id,
                organization: self.organization_id,
                session,
                credential,
                role: self.role.unwrap_or_default(),
                permissions: match &self.scopes {
                    Some(scopes) => granted.limited_to(scopes.iter().map(String::as_str)),
                    None => granted,
                },
                assurance: Assurance {
                    authenticated_at: self.authenticated_at,
                    multi_factor: self.multi_factor,
                    second_factor_enrolled: self.second_factor,
                },
            }),
            role: self.role_id,
            sponsor: self.sponsor_id.map(|user| Sponsor {
                user,
                role: self.sponsor_role,
            }),
            expires_at: self.expires_at,
            secret_hash: self.cookie_hash,
            // Only a refresh extends a token's session, and the token itself expires long before.
            idle_expires_at: self
                .idle_expires_at
                .filter(|_| credential == Credential::Cookie),
        }
    }
}
