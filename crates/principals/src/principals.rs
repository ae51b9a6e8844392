//! What the endpoints of all crates share about credentials: cached principals, access tokens and
//! recorded uses.

use std::sync::Arc;

use mainstay_database::Database;
use mainstay_http::{Problem, Refusal};
use mainstay_kernel::{Runtime, SecretString, SessionId, UserId, Uuid};

use crate::{
    access_tokens::AccessTokens,
    directory::{AccessChange, Directory},
    revocation,
    settings::Settings,
    signing::{memory::KeyMemory, rotation},
    tokens::{NewToken, Verified},
    usage::Usage,
};

/// Finds the principal of a credential, and issues access tokens.
pub struct Principals {
    /// The settings of tokens and sessions.
    pub settings: Settings,
    pub(crate) database: Database,
    pub(crate) directory: Directory,
    pub(crate) usage: Usage,
    pub(crate) tokens: AccessTokens,
}

impl Principals {
    /// Number of connections to Postgres that it uses in addition to the pool: the revocation
    /// listener's.
    pub const CONNECTIONS: usize = 1;

    /// Creates an empty cache. [`watch`](Self::watch) must run as well, or every request queries
    /// the database.
    pub fn new(settings: Settings, database: Database) -> Self {
        let keys = KeyMemory::new(database.clone(), settings.signing_key_lifetime);
        let tokens = AccessTokens::new(keys, &settings.issuer);

        Self {
            settings,
            database,
            directory: Directory::new(),
            usage: Usage::default(),
            tokens,
        }
    }

    /// Receives revocations, rotates signing keys and saves recorded uses, for as long as the
    /// service runs.
    pub async fn watch(self: Arc<Self>) {
        let keys = &self.tokens.keys;
        tokio::join!(
            revocation::watch(self.database.clone(), &self.directory, keys),
            rotation::watch(keys),
            self.usage
                .save_periodically(&self.database, self.settings.session_idle_lifetime),
        );
    }

    /// Saves the recorded uses before the process ends.
    pub async fn settle(&self) {
        if let Err(error) = self
            .usage
            .save(&self.database, self.settings.session_idle_lifetime)
            .await
        {
            tracing::warn!(%error, "saving the last uses of sessions and keys failed");
        }
    }

    /// The clock and the random source.
    pub fn runtime(&self) -> &Runtime {
        self.database.runtime()
    }

    /// Removes a session that this process changed itself from the cache, without waiting for the
    /// announcement.
    pub fn forget_session(&self, session: SessionId) {
        self.directory.forget(AccessChange::Session(session.uuid()));
    }

    /// Removes every session of an account that this process changed itself from the cache.
    pub fn forget_user(&self, user: UserId) {
        self.directory.forget(AccessChange::User(user.uuid()));
    }

    /// Removes every session with a role that this process changed itself from the cache.
    pub fn forget_role(&self, role: Uuid) {
        self.directory.forget(AccessChange::Role(role));
    }

    /// Issues an access token of a session with a scope. `client` is the OAuth client that it is
    /// for; `None` stands for the API itself.
    ///
    /// # Errors
    /// The error of the database, if the keys must be read first; an internal error if there is no
    /// key to sign with.
    pub async fn access_token(
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

    /// Verifies everything except an access token's times.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify_token(&self, token: &str) -> Result<Verified, Refusal> {
        self.tokens.verify(token).await
    }

    /// The `client_id` in tokens of sessions that no OAuth client started: the issuer, which no
    /// client can register as its own id.
    pub fn own_client(&self) -> &str {
        &self.settings.issuer
    }
}
