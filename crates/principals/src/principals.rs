//! What the endpoints of all crates share about credentials: who is known, which tokens are good, what was used.

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

/// Whose credential is whose, and what it may do.
pub struct Principals {
    /// How tokens and sessions work.
    pub settings: Settings,
    pub(crate) database: Database,
    pub(crate) directory: Directory,
    pub(crate) usage: Usage,
    pub(crate) tokens: AccessTokens,
}

impl Principals {
    /// Connections to Postgres that it takes beside those of its database: the one on which it hears of revocations.
    pub const CONNECTIONS: usize = 1;

    /// Stands ready; [`watch`](Self::watch) must run beside it, or every request asks the database.
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

    /// Hears of revocations, looks after signing keys and writes down uses, for as long as the service runs.
    pub async fn watch(self: Arc<Self>) {
        let keys = &self.tokens.keys;
        tokio::join!(
            revocation::watch(self.database.clone(), &self.directory, keys),
            rotation::watch(keys),
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

    /// The clock and the random bytes.
    pub fn runtime(&self) -> &Runtime {
        self.database.runtime()
    }

    /// Forgets a session that this process changed itself: it need not wait for the announcement.
    pub fn forget_session(&self, session: SessionId) {
        self.directory.forget(AccessChange::Session(session.uuid()));
    }

    /// Forgets every session of an account that this process changed itself.
    pub fn forget_user(&self, user: UserId) {
        self.directory.forget(AccessChange::User(user.uuid()));
    }

    /// Forgets every session whose role this process changed itself.
    pub fn forget_role(&self, role: Uuid) {
        self.directory.forget(AccessChange::Role(role));
    }

    /// An access token of a session, which says `scope`. `client` is the OAuth client that it is for; without one, the session
    /// is the API's own.
    ///
    /// # Errors
    /// As the database answers, when the keys must be read first; an internal one when there is no key to sign with.
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

    /// Checks everything of an access token but its time.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify_token(&self, token: &str) -> Result<Verified, Refusal> {
        self.tokens.verify(token).await
    }

    /// The `client_id` in tokens of sessions that no OAuth client began: the issuer itself, under whose name nobody can
    /// register.
    pub fn own_client(&self) -> &str {
        &self.settings.issuer
    }
}
