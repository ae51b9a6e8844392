use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_access::Principal;
use mainstay_crypto::{PasswordHasher, token_digest};
use mainstay_database::{Database, Error, Origin, Unscoped};
use mainstay_http::{Authenticator, Refusal};
use mainstay_kernel::{Runtime, SessionId, Uuid};
use moka::sync::Cache;

use crate::{
    Settings,
    directory::{Change, Directory, Known},
    revocation,
    tokens::Verified,
};

/// Verified tokens kept at most, and for how long: a signature costs a hundred times what the look-up does.
const KEPT_TOKENS: u64 = 50_000;
const KEPT_FOR: Duration = Duration::from_secs(600);

const LOAD: &str = "SELECT s.user_id, s.organization_id, s.expires_at, r.id, r.name, \
     coalesce((SELECT array_agg(permission) FROM role_permissions WHERE role_id = r.id), '{}') \
     FROM sessions s \
     JOIN users u ON u.id = s.user_id AND u.active \
     JOIN memberships m ON m.user_id = s.user_id AND m.organization_id = s.organization_id \
     JOIN roles r ON r.id = m.role_id \
     WHERE s.id = $1 AND s.ended_at IS NULL";

/// Who signs in, and whose token is whose.
pub struct Identity {
    pub(crate) settings: Settings,
    pub(crate) hasher: PasswordHasher,
    database: Database,
    directory: Directory,
    tokens: Cache<[u8; 32], Verified>,
}

impl Identity {
    /// Stands ready; [`watch`](Self::watch) must run beside it, or every request asks the database.
    pub fn new(settings: Settings, hasher: PasswordHasher, database: Database) -> Arc<Self> {
        let tokens = Cache::builder().max_capacity(KEPT_TOKENS).time_to_live(KEPT_FOR).build();
        Arc::new(Self { settings, hasher, database, directory: Directory::new(), tokens })
    }

    /// Hears of revocations, for as long as the service runs.
    pub async fn watch(self: Arc<Self>) {
        revocation::watch(self.database.clone(), &self.directory).await;
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.database.runtime()
    }

    /// Forgets a session that this process ended itself: it need not wait for the announcement.
    pub(crate) fn forget_session(&self, session: SessionId) {
        self.directory.forget(Change::Session(session.uuid()));
    }

    async fn principal(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        let verified = self.verified(token)?;
        let now = self.database.runtime().clock.now();
        if !verified.is_valid_at(now) {
            return Err(Refusal::Invalid("the token has expired"));
        }
        let known = match self.directory.find(verified.session) {
            Some(known) => known,
            None => self.load(verified.session).await?,
        };
        if known.expires_at <= now {
            return Err(Refusal::Invalid("the session has expired"));
        }
        Ok(known.principal)
    }

    fn verified(&self, token: &str) -> Result<Verified, Refusal> {
        let digest = token_digest(token.as_bytes());
        if let Some(verified) = self.tokens.get(&digest) {
            return Ok(verified);
        }
        let verified = self.settings.keys.verify(token).map_err(Refusal::Invalid)?;
        self.tokens.insert(digest, verified);
        Ok(verified)
    }

    async fn load(&self, session: SessionId) -> Result<Known, Refusal> {
        let generation = self.directory.generation();
        let origin = Origin { request: Uuid::nil(), operation: "authenticate", address: None };
        let why = "whose organization it is, is what a session tells";
        let unscoped = Unscoped::because(why, &self.database, origin, None);
        let rows = unscoped.select("sessions.load", LOAD, [session.uuid().into()]).await.map_err(Refusal::Database)?;
        let row = rows.first().ok_or(Refusal::Invalid("the session has ended"))?;
        let read = || -> Result<Known, Error> {
            Ok(Known {
                principal: Arc::new(Principal {
                    user: row.get(0)?,
                    organization: row.get(1)?,
                    session,
                    role: row.get(4)?,
                    permissions: row.get::<Vec<String>>(5)?.into_iter().collect(),
                }),
                role: row.get(3)?,
                expires_at: row.get(2)?,
            })
        };
        let known = read().map_err(Refusal::Database)?;
        self.directory.keep(generation, known.clone());
        Ok(known)
    }
}

impl Authenticator for Identity {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<Principal>, Refusal>> {
        Box::pin(self.principal(token))
    }
}
