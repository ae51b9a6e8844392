//! Sign-ins that are under way: kept here, sealed, while the person is at the provider.

use mainstay_database::{PrivateColumn, Unscoped};
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{SecretString, Timestamp, UserId};
use mainstay_principals::secret::{FreshSecret, hash};
use serde::{Deserialize, Serialize};
use time::Duration;

use super::person::Person;

/// How long the person may take at the provider.
pub(crate) const LIFETIME: Duration = Duration::minutes(10);

/// What they are sealed for.
const PURPOSE: &str = "external authorization";

/// Where they stand.
pub(super) const PAYLOAD: PrivateColumn = PrivateColumn {
    table: "mainstay.external_authorizations",
    id: "hash",
    id_type: "bytea",
    column: "payload",
    purpose: PURPOSE,
    context: "hash",
};

/// What is kept of a sign-in that is under way.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingAuthorization {
    /// Where the person was sent.
    pub(super) provider: String,
    /// What the ID token must repeat, so that no other token will do.
    pub(super) nonce: String,
    /// What makes the code useless to whoever reads it on the way (PKCE, RFC 7636).
    pub(super) verifier: String,
    /// Whether the person has to prove anew who it is.
    pub(super) reauthenticate: bool,
    /// Who links the identity to their account; none for a sign-in.
    pub(super) user: Option<UserId>,
    pub(super) begun_at: Timestamp,
    /// Whom the provider vouched for already; the second factor is still to be shown.
    #[serde(default)]
    pub(super) person: Option<Person>,
}

/// What the client is given of it.
pub(crate) struct Begun {
    /// Travels through the provider.
    pub(super) state: FreshSecret,
    /// Stays with the client, which has to show it in the end: whoever is lured into finishing a stranger's sign-in does
    /// not have it.
    pub(super) binding: SecretString,
}

/// One that was taken up, and can be put back.
pub(crate) struct Taken {
    pub(super) pending: PendingAuthorization,
    state: Vec<u8>,
    binding: Vec<u8>,
}

impl PendingAuthorization {
    /// Keeps it, and clears away some that nobody took up in time.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn keep(
        &self,
        unscoped: &Unscoped,
        state: FreshSecret,
    ) -> Result<Begun, Problem> {
        let binding = FreshSecret::new(&unscoped.database().runtime().random, "mxb_");
        self.insert(unscoped, &state.hash, binding.hash).await?;
        Ok(Begun {
            state,
            binding: binding.text,
        })
    }

    async fn insert(
        &self,
        unscoped: &Unscoped,
        state: &[u8],
        binding: Vec<u8>,
    ) -> Result<(), Problem> {
        const INSERT: &str = r"
            WITH old AS (
                SELECT hash
                FROM mainstay.external_authorizations
                WHERE expires_at < $4
                ORDER BY expires_at
                LIMIT 100
                FOR UPDATE SKIP LOCKED
            ),
            cleared AS (
                DELETE FROM mainstay.external_authorizations e
                USING old
                WHERE e.hash = old.hash
            )
            INSERT INTO mainstay.external_authorizations (
                hash, binding, payload, created_at, expires_at
            )
            VALUES ($1, $2, $3, $4, $5)
        ";

        let database = unscoped.database();
        let payload =
            serde_json::to_vec(self).map_err(|error| INTERNAL.problem().caused_by(error))?;
        let payload =
            database
                .ring()
                .seal_private(&database.runtime().random, PURPOSE, state, &payload);

        let values = [
            state.to_vec().into(),
            binding.into(),
            payload.into(),
            self.begun_at.inner().into(),
            (self.begun_at + LIFETIME).inner().into(),
        ];

        unscoped
            .upkeep("external_authorizations.insert", INSERT, values)
            .await?;

        Ok(())
    }
}

impl Taken {
    /// Takes one up, once. `None` when it was never begun, was taken up already, is too old, or was begun elsewhere; what
    /// was begun elsewhere stays for whoever began it.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn find(
        unscoped: &Unscoped,
        state: &str,
        binding: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, Problem> {
        const TAKE_UP: &str = r"
            DELETE FROM mainstay.external_authorizations
            WHERE hash = $1 AND binding = $2 AND expires_at > $3
            RETURNING payload
        ";

        let (state, binding) = (hash(state), hash(binding));
        let values = [
            state.clone().into(),
            binding.clone().into(),
            now.inner().into(),
        ];

        let rows = unscoped
            .upkeep("external_authorizations.take_up", TAKE_UP, values)
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };

        let payload =
            unscoped
                .database()
                .ring()
                .open_private(PURPOSE, &state, &row.get::<Vec<u8>>(0)?);

        let payload = payload.map_err(|error| INTERNAL.problem().caused_by(error))?;
        let pending = serde_json::from_slice(&payload)
            .map_err(|error| INTERNAL.problem().caused_by(error))?;

        Ok(Some(Self {
            pending,
            state,
            binding,
        }))
    }

    /// Puts it back with what the provider said, for as long as it had: the person has yet to show a second factor here,
    /// and no provider takes a code twice.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn put_back(
        mut self,
        unscoped: &Unscoped,
        person: Person,
    ) -> Result<(), Problem> {
        self.pending.person = Some(person);
        self.pending
            .insert(unscoped, &self.state, self.binding)
            .await
    }
}
