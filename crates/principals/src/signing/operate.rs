//! What an operator does with signing keys by hand.

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};
use mainstay_kernel::Timestamp;
use time::Duration;

use super::{
    key::KeyId,
    making::{self, Making},
    set::{KeyInfo, SigningKeys},
    store,
    stored::Stored,
};

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// After it was announced for as long as others may keep the key set.
    Announced,
    /// At once. This service knows it at once too; others may refuse its tokens until they ask for the key set again.
    Now,
}

/// The keys, the oldest first; then the names of those that the key ring does not open.
///
/// # Errors
/// As the database answers.
pub async fn list_signing_keys(unscoped: &Unscoped) -> Result<(Vec<KeyInfo>, Vec<String>), Error> {
    let set = read(unscoped).await?;
    let unreadable = set.unreadable.iter().map(|key| key.kid.clone()).collect();
    Ok((
        set.info(unscoped.database().runtime().clock.now()),
        unreadable,
    ))
}

/// Makes a key that follows the one that signs, and gives its name; `None` when somebody else did at the same moment.
///
/// # Errors
/// As the database answers.
pub async fn rotate_signing_keys(
    unscoped: &Unscoped,
    begin: Begin,
) -> Result<Option<String>, Error> {
    let now = unscoped.database().runtime().clock.now();
    // Without one that signs until then, there is nothing to wait for.
    let begin = if read(unscoped).await?.signing(now).is_some() {
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

    Ok(store::make(unscoped, making)
        .await?
        .map(|kid| kid.to_string()))
}

/// Removes a key at once: every replica refuses its tokens within a second. If it signed, or was to sign, a new one does
/// from now on, whose name this gives.
///
/// # Errors
/// [`Error::NotFound`] when there is no such key.
pub async fn retire_signing_key(unscoped: &Unscoped, kid: &str) -> Result<Option<String>, Error> {
    let id = KeyId::parse(kid).ok_or(Error::NotFound)?;
    Ok(store::retire(unscoped, id)
        .await?
        .map(|kid| kid.to_string()))
}

/// When the newest key was made; `None` before there is one.
///
/// # Errors
/// As the database answers.
pub async fn signing_key_made(database: &Database) -> Result<Option<Timestamp>, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "measure_signing_key",
        address: None,
    };

    let unscoped = Unscoped::because(
        "signing keys belong to no organization",
        database,
        origin,
        None,
    );

    let rows = unscoped
        .select(
            "signing_keys.made",
            "SELECT max(created_at) FROM mainstay.signing_keys",
            [],
        )
        .await?;

    rows.first().map_or(Ok(None), |row| row.get(0))
}

async fn read(unscoped: &Unscoped) -> Result<SigningKeys, Error> {
    let rows = store::list(unscoped).await?;
    let stored = rows
        .iter()
        .map(Stored::read)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(SigningKeys::open(&stored, unscoped.database().ring()))
}
