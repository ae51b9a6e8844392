use std::sync::Arc;

use mainstay_crypto::PasswordHasher;
use mainstay_database::Database;
use mainstay_http::Problem;
use mainstay_kernel::{Runtime, SecretString, SessionId, UserId, Uuid};

use crate::{
    Settings,
    access_tokens::AccessTokens,
    directory::{Change, Directory},
    external::External,
    passwords::Estimator,
    revocation,
    signing::{self, KeyMemory},
    throttle::Flood,
    tokens::NewToken,
    usage::Usage,
};

/// Who signs in, and whose credential is whose: what the endpoints of this room share.
pub struct Identity {
    pub(crate) settings: Settings,
    pub(crate) hasher: PasswordHasher,
    pub(crate) estimator: Estimator,
    pub(crate) database: Database,
    pub(crate) directory: Directory,
    pub(crate) flood: Flood,
    pub(crate) usage: Usage,
    pub(crate) external: External,
    pub(crate) tokens: AccessTokens,
}

impl Identity {
    /// Connections to Postgres that it takes beside those of its database: the one on which it hears of revocations.
    pub const CONNECTIONS: usize = 1;

    /// Stands ready; [`watch`](Self::watch) must run beside it, or every request asks the database.
    pub fn new(settings: Settings, hasher: PasswordHasher, database: Database) -> Arc<Self> {
        let keys = KeyMemory::new(database.clone(), settings.signing_key_lifetime);
        let tokens = AccessTokens::new(keys, &settings.issuer);
        let (directory, flood, usage) = (Directory::new(), Flood::default(), Usage::default());
        let external = External::new(&settings.external);

        Arc::new(Self {
            settings,
            hasher,
            estimator: Estimator::new(),
            database,
            directory,
            flood,
            usage,
            external,
            tokens,
        })
    }

    /// Hears of revocations, looks after signing keys and writes down uses, for as long as the service runs.
    pub async fn watch(self: Arc<Self>) {
        let keys = &self.tokens.keys;
        tokio::join!(
            revocation::watch(self.database.clone(), &self.directory, keys),
            signing::watch(keys),
            self.usage
                .keep(&self.database, self.settings.session_idle_lifetime),
        );
    }

    /// Writes down what only this process knows, before it ends: who was last seen when.
    pub async fn settle(&self) {
        if let Err(error) = self
            .usage
            .write_down(&self.database, self.settings.session_idle_lifetime)
            .await
        {
            tracing::warn!(%error, "the last uses of sessions and keys were not written down");
        }
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

    /// Forgets every session whose role this process changed itself.
    pub(crate) fn forget_role(&self, role: Uuid) {
        self.directory.forget(Change::Role(role));
    }

    /// An access token of a session, which says `scope`. `client` is the OAuth client that it is for; without one, the session
    /// is the API's own.
    ///
    /// # Errors
    /// As the database answers, when the keys must be read first; an internal one when there is no key to sign with.
    pub(crate) async fn access_token(
        &self,
        user: UserId,
        session: SessionId,
        client: Option<&str>,
        scope: &str,
    ) -> Result<SecretString, Problem> {
        let lifetime = self.settings.access_token_lifetime;
        let client = client.unwrap_or(self.own_client()).to_owned();
        self.tokens
            .issue(NewToken {
                user,
                session,
                client,
                scope: scope.to_owned(),
                lifetime,
            })
            .await
    }

    /// The `client_id` in tokens of sessions that no OAuth client began: the issuer itself, under whose name nobody can
    /// register.
    pub(crate) fn own_client(&self) -> &str {
        &self.settings.issuer
    }
}
