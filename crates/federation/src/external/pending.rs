//! Pending authorizations: stored, sealed, while the person is at the provider.

use mainstay_database::{PrivateColumn, Row, Sql};
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{SecretString, Timestamp, UserId};
use mainstay_principals::secret::{FreshSecret, hash};
use serde::{Deserialize, Serialize};
use time::Duration;

use super::person::Person;

/// How long a pending authorization is valid.
pub(crate) const LIFETIME: Duration = Duration::minutes(10);

/// The purpose that payloads are sealed for.
const PURPOSE: &str = "external authorization";

/// The column of the sealed payloads.
pub(super) const PAYLOAD: PrivateColumn = PrivateColumn {
    table: "mainstay.external_authorizations",
    id: "hash",
    id_type: "bytea",
    column: "payload",
    purpose: PURPOSE,
    context: "hash",
};

/// A pending authorization, which is stored as a sealed payload.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingAuthorization {
    /// The name of the provider that the person was sent to.
    pub(super) provider: String,
    /// The nonce that the ID token must contain.
    pub(super) nonce: String,
    /// The PKCE verifier. Without it, an intercepted code is useless (RFC 7636).
    pub(super) verifier: String,
    /// Whether the person must re-authenticate at the provider.
    pub(super) reauthenticate: bool,
    /// The account that links the identity; `None` for a sign-in.
    pub(super) user: Option<UserId>,
    #[serde(rename = "begun_at")]
    pub(super) started_at: Timestamp,
    /// The person, if the provider has authenticated them already and only the second factor is
    /// missing.
    #[serde(default)]
    pub(super) person: Option<Person>,
}

/// The secrets of a pending authorization that the client gets.
pub(crate) struct StartedAuthorization {
    /// Sent to the provider, which returns it.
    pub(super) state: FreshSecret,
    /// Kept by the client, which sends it to complete the sign-in. A person who is tricked into
    /// completing an attacker's sign-in does not have it.
    pub(super) binding: SecretString,
}

/// A pending authorization that was taken from the table, and can be put back.
pub(crate) struct Taken {
    pub(super) pending: PendingAuthorization,
    state: Vec<u8>,
    binding: Vec<u8>,
}

impl PendingAuthorization {
    /// Stores the authorization. Also deletes up to 100 expired ones.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn keep(
        &self,
        sql: &Sql,
        state: FreshSecret,
    ) -> Result<StartedAuthorization, Problem> {
        let binding = FreshSecret::new(&sql.database().runtime().random, "mxb_");
        self.insert(sql, &state.hash, binding.hash).await?;
        Ok(StartedAuthorization {
            state,
            binding: binding.text,
        })
    }

    async fn insert(&self, sql: &Sql, state: &[u8], binding: Vec<u8>) -> Result<(), Problem> {
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

        let database = sql.database();
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
            self.started_at.inner().into(),
            (self.started_at + LIFETIME).inner().into(),
        ];

        sql.upkeep("external_authorizations.insert", INSERT, values)
            .await?;

        Ok(())
    }
}

impl Taken {
    /// Takes a pending authorization from the table. Returns `None` if it is unknown, already taken
    /// or expired, or if the binding is wrong. An authorization of another client stays in the
    /// table.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn find(
        sql: &Sql,
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

        let rows = sql
            .upkeep("external_authorizations.take_up", TAKE_UP, values)
            .await?;
        let Some(sealed) = Row::read_first::<Vec<u8>>(&rows)? else {
            return Ok(None);
        };

        let payload = sql
            .database()
            .ring()
            .open_private(PURPOSE, &state, &sealed)
            .map_err(|error| INTERNAL.problem().caused_by(error))?;
        let pending = serde_json::from_slice(&payload)
            .map_err(|error| INTERNAL.problem().caused_by(error))?;

        Ok(Some(Self {
            pending,
            state,
            binding,
        }))
    }

    /// Puts the authorization back with the authenticated person, with the same expiry. The person
    /// retries with a second factor, but the provider accepts the code only once.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn put_back(mut self, sql: &Sql, person: Person) -> Result<(), Problem> {
        self.pending.person = Some(person);
        self.pending.insert(sql, &self.state, self.binding).await
    }
}
