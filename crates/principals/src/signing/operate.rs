//! The operator's commands for signing keys.

use mainstay_database::{Database, Error, Origin, Sql, Uuid};
use mainstay_kernel::Timestamp;
use time::Duration;

use super::{
    key::KeyId,
    making::{self, Making},
    set::{KeyInfo, SigningKeys},
    store,
};
use crate::unlimited::SIGNING_KEYS;

/// When a new key starts to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// After it was announced for longer than verifiers may cache the key set.
    Announced,
    /// At once. This service accepts its tokens at once; other verifiers may refuse them until they
    /// fetch the key set again.
    Now,
}

/// Lists the keys, oldest first, and the names of those that the key ring cannot open.
///
/// # Errors
/// The error of the database.
pub async fn list_signing_keys(sql: &Sql) -> Result<(Vec<KeyInfo>, Vec<String>), Error> {
    let set = read(sql).await?;
    let unreadable = set.unreadable.iter().map(|key| key.kid.clone()).collect();
    Ok((set.info(sql.database().runtime().clock.now()), unreadable))
}

/// Creates a key that replaces the current one and returns its name; `None` if another key was
/// created at the same moment.
///
/// # Errors
/// The error of the database.
pub async fn rotate_signing_keys(sql: &Sql, begin: Begin) -> Result<Option<String>, Error> {
    let now = sql.database().runtime().clock.now();
    // Without a key that signs until then, there is nothing to wait for.
    let begin = if read(sql).await?.signing(now).is_some() {
        begin
    } else {
        Begin::Now
    };

    let next = making::next(None);
    let making = match begin {
        Begin::Announced => next,
        Begin::Now => Making {
            announced_for: Duration::ZERO,
            ..next
        },
    };

    Ok(store::make(sql, making).await?.map(|kid| kid.to_string()))
}

/// Removes a key at once: every replica refuses its tokens within a second. If it signs or was
/// about to, creates a new key that signs from now on, and returns the new key's name.
///
/// # Errors
/// [`Error::NotFound`] if there is no such key.
pub async fn retire_signing_key(sql: &Sql, kid: &str) -> Result<Option<String>, Error> {
    let id = KeyId::parse(kid).ok_or(Error::NotFound)?;
    Ok(store::retire(sql, id).await?.map(|kid| kid.to_string()))
}

/// Reads when the newest key was created; `None` if there is none yet.
///
/// # Errors
/// The error of the database.
pub async fn signing_key_made(database: &Database) -> Result<Option<Timestamp>, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "measure_signing_key",
        address: None,
    };

    let sql = Sql::unlimited(SIGNING_KEYS, database, origin, None);

    let made: Vec<Option<Timestamp>> = sql
        .query(
            "signing_keys.made",
            "SELECT max(created_at) FROM mainstay.signing_keys",
            [],
        )
        .await?;

    Ok(made.into_iter().next().flatten())
}

async fn read(sql: &Sql) -> Result<SigningKeys, Error> {
    let stored = store::list(sql).await?;
    Ok(SigningKeys::open(&stored, sql.database().ring()))
}
