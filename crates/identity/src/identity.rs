use std::{sync::Arc, time::Duration};

use mainstay_crypto::{PasswordHasher, token_digest};
use mainstay_database::Database;
use mainstay_http::{INTERNAL, Problem, Refusal};
use mainstay_kernel::{Runtime, SecretString, SessionId, UserId};
use moka::sync::Cache;

use crate::{
    Settings,
    directory::{Change, Directory},
    external::External,
    revocation,
    tokens::Verified,
    usage::Usage,
};

/// Verified tokens kept at most, and for how long: a signature costs a hundred times what the look-up does.
const KEPT_TOKENS: u64 = 50_000;
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Who signs in, and whose credential is whose: what the endpoints of this room share.
pub struct Identity {
    pub(crate) settings: Settings,
    pub(crate) hasher: PasswordHasher,
    pub(crate) database: Database,
    pub(crate) directory: Directory,
    pub(crate) usage: Usage,
    pub(crate) external: External,
    tokens: Cache<[u8; 32], Verified>,
}

impl Identity {
    /// Stands ready; [`watch`](Self::watch) must run beside it, or every request asks the database.
    pub fn new(settings: Settings, hasher: PasswordHasher, database: Database) -> Arc<Self> {
        let tokens = Cache::builder().max_capacity(KEPT_TOKENS).time_to_live(KEPT_FOR).build();
        let (directory, usage) = (Directory::new(), Usage::default());
        let external = External::new(&settings.external);
        Arc::new(Self { settings, hasher, database, directory, usage, external, tokens })
    }

    /// Hears of revocations and writes down uses, for as long as the service runs.
    pub async fn watch(self: Arc<Self>) {
        tokio::join!(
            revocation::watch(self.database.clone(), &self.directory),
            self.usage.keep(&self.database, self.settings.session_idle_lifetime),
        );
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.database.runtime()
    }

    /// Forgets a session that this process changed itself: it need not wait for the announcement.
    pub(crate) fn forget_session(&self, session: SessionId) {
        self.directory.forget(Change::Session(session.uuid()));
    }

    /// Forgets every session of an account that this process changed itself.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.directory.forget(Change::User(user.uuid()));
    }

    /// An access token of a session.
    ///
    /// # Errors
    /// [`INTERNAL`] when there is no key to sign with.
    pub(crate) fn access_token(
        &self,
        user: UserId,
        session: SessionId,
        _client: Option<&str>,
    ) -> Result<SecretString, Problem> {
        let (now, lifetime) = (self.runtime().clock.now(), self.settings.access_token_lifetime);
        self.settings.keys.issue(user, session, now, lifetime).map_err(|error| INTERNAL.problem().caused_by(error))
    }

    /// What an access token says, once its signature was checked.
    pub(crate) fn verified(&self, token: &str) -> Result<Verified, Refusal> {
        let digest = token_digest(token.as_bytes());
        if let Some(verified) = self.tokens.get(&digest) {
            return Ok(verified);
        }
        let verified = self.settings.keys.verify(token).map_err(Refusal::Invalid)?;
        self.tokens.insert(digest, verified);
        Ok(verified)
    }
}
