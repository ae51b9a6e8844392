//! Pending challenges. They are stored on the server, valid for five minutes, and used only once.
//!
//! A challenge is found by its hash, because the authenticator's signed response repeats it.
//! Clients need to store nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_crypto::token_digest;
use mainstay_database::{Error, PrivateColumn, Row, Sql};
use mainstay_http::Problem;
use mainstay_kernel::{UserId, Uuid};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::Duration;

/// How long a challenge is valid.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::minutes(5);

/// The purpose that the states are sealed for.
const PURPOSE: &str = "webauthn challenge";

/// The sealed column of the states.
pub(super) const STATE: PrivateColumn = PrivateColumn {
    table: "mainstay.webauthn_challenges",
    id: "hash",
    id_type: "bytea",
    column: "state",
    purpose: PURPOSE,
    context: "hash",
};

/// Stores the state that the response to `challenge` will be verified against, and deletes a few
/// expired ones.
pub(crate) async fn keep(
    sql: &Sql,
    challenge: &[u8],
    user: Option<UserId>,
    state: &impl Serialize,
) -> Result<(), Error> {
    const KEEP: &str = r"
        WITH swept AS (
            DELETE FROM mainstay.webauthn_challenges
            WHERE hash IN (
                SELECT hash
                FROM mainstay.webauthn_challenges
                WHERE expires_at <= $4
                LIMIT 10
                FOR UPDATE SKIP LOCKED
            )
        )
        INSERT INTO mainstay.webauthn_challenges (hash, user_id, state, expires_at)
        VALUES ($1, $2, $3, $5)
    ";

    let database = sql.database();
    let (runtime, hash) = (database.runtime(), token_digest(challenge).to_vec());
    let state = serde_json::to_vec(state).map_err(|error| Error::Internal(error.into()))?;
    let now = runtime.clock.now();
    let values = [
        hash.clone().into(),
        user.map(UserId::uuid).into(),
        database
            .ring()
            .seal_private(&runtime.random, PURPOSE, &hash, &state)
            .into(),
        now.inner().into(),
        (now + ANSWERED_WITHIN).inner().into(),
    ];

    sql.upkeep("webauthn_challenges.insert", KEEP, values)
        .await
        .map(drop)
}

/// Deletes the challenge for a new passkey of `user` and returns its state.
pub(crate) async fn take<S: DeserializeOwned>(
    sql: &Sql,
    hash: &[u8],
    user: Uuid,
) -> Result<Option<S>, Problem> {
    const TAKE: &str = r"
        DELETE FROM mainstay.webauthn_challenges
        WHERE hash = $1 AND user_id = $2 AND expires_at > $3
        RETURNING state
    ";

    let now = sql.database().runtime().clock.now();
    let values = [hash.to_vec().into(), user.into(), now.inner().into()];
    let rows = sql.upkeep("webauthn_challenges.take", TAKE, values).await?;

    let sealed: Option<Vec<u8>> = Row::read_first(&rows)?;

    Ok(sealed.map(|sealed| open(sql, hash, &sealed)).transpose()?)
}

/// Opens the state of the challenge with this hash.
pub(crate) fn open<S: DeserializeOwned>(sql: &Sql, hash: &[u8], sealed: &[u8]) -> Result<S, Error> {
    let state = sql
        .database()
        .ring()
        .open_private(PURPOSE, hash, sealed)
        .map_err(|error| Error::Internal(error.into()))?;
    serde_json::from_slice(&state).map_err(|error| Error::Internal(error.into()))
}

/// Computes the hash of the challenge that a response names.
pub(crate) fn answered(client_data: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }

    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    Some(token_digest(&URL_SAFE_NO_PAD.decode(data.challenge).ok()?).to_vec())
}
