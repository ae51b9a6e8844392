//! The statements on the table `signing_keys`.

use mainstay_database::{Change, Error, Event, Row, Sql, Value};
use mainstay_kernel::Timestamp;
use time::OffsetDateTime;

use super::{
    key::{KeyId, NewKey},
    making::Making,
    schedule::OVERLAP,
    stored::StoredKey,
};
use crate::events::{Action, about};

/// Selects every key, oldest first.
pub(crate) const LIST: &str = r"
    SELECT id, public, private, created_at, signs_from, retires_at
    FROM mainstay.signing_keys
    ORDER BY number
";

/// Creates a key and sets the end of the keys before it, unless a key was created after `$7`. Two
/// concurrent statements take the same number, so the second one changes nothing.
const MAKE: &str = r"
    changed AS (
        INSERT INTO mainstay.signing_keys (id, number, public, private, created_at, signs_from)
        SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5
        FROM mainstay.signing_keys
        HAVING $7::timestamptz IS NULL OR coalesce(max(created_at) <= $7, true)
        ON CONFLICT (number) DO NOTHING
        RETURNING id
    ),
    superseded AS (
        UPDATE mainstay.signing_keys
        SET retires_at = $6
        WHERE retires_at IS NULL
          AND EXISTS (SELECT FROM changed)
    )
";

/// Deletes a key. If it had a private half, creates another that signs at once.
const RETIRE: &str = r"
    gone AS (
        DELETE FROM mainstay.signing_keys
        WHERE id = $1
        RETURNING private IS NOT NULL AS signs
    ),
    made AS (
        INSERT INTO mainstay.signing_keys (id, number, public, private, created_at, signs_from)
        SELECT $2, (SELECT max(number) FROM mainstay.signing_keys) + 1, $3, $4, $5, $5
        FROM gone
        WHERE signs
        ON CONFLICT (number) DO NOTHING
        RETURNING id
    ),
    superseded AS (
        UPDATE mainstay.signing_keys
        SET retires_at = $6
        WHERE retires_at IS NULL
          AND id <> $1
          AND EXISTS (SELECT FROM made)
    ),
    changed AS (
        SELECT made.id
        FROM gone
        LEFT JOIN made ON true
    )
";

/// Wipes the private halves of keys that no longer sign, and deletes keys that no longer verify.
const CLEAR: &str = r"
    WITH gone AS (DELETE FROM mainstay.signing_keys WHERE retires_at <= $1)
    UPDATE mainstay.signing_keys k
    SET private = NULL
    WHERE private IS NOT NULL
      AND (retires_at IS NULL OR retires_at > $1)
      AND EXISTS (
          SELECT FROM mainstay.signing_keys n
          WHERE n.number > k.number AND n.signs_from <= $1
      )
";

pub(crate) async fn list(sql: &Sql) -> Result<Vec<StoredKey>, Error> {
    sql.query("signing_keys.list", LIST, []).await
}

/// Creates a key; `None` if another was created first.
pub(crate) async fn make(sql: &Sql, making: Making) -> Result<Option<KeyId>, Error> {
    let database = sql.database();
    let (now, new) = (database.now().await?, fresh(sql)?);
    let signs_from = now + making.announced_for;
    let values: [Value; 7] = [
        new.id.to_string().into(),
        new.public.into(),
        new.private.into(),
        now.inner().into(),
        signs_from.inner().into(),
        (signs_from + OVERLAP).inner().into(),
        making.unless_after.map(Timestamp::inner).into(),
    ];

    let made = sql
        .change(Change::new(
            "signing_keys.make",
            MAKE,
            values,
            event(making.action, new.id),
        ))
        .await?;

    Ok((!made.is_empty()).then_some(new.id))
}

/// Deletes a key, and returns the id of the key that signs in its place, if one was created.
///
/// # Errors
/// [`Error::NotFound`] if there is no such key.
pub(crate) async fn retire(sql: &Sql, id: KeyId) -> Result<Option<KeyId>, Error> {
    let now = sql.database().now().await?;
    let new = fresh(sql)?;
    let values: [Value; 6] = [
        id.to_string().into(),
        new.id.to_string().into(),
        new.public.into(),
        new.private.into(),
        now.inner().into(),
        (now + OVERLAP).inner().into(),
    ];

    let retired = event(Action::SigningKeyRetired, id);
    let rows = sql
        .change(Change::new("signing_keys.retire", RETIRE, values, retired))
        .await?;
    let made: Option<String> = Row::read_first(&rows)?.ok_or(Error::NotFound)?;

    Ok(made.and_then(|id| KeyId::parse(&id)))
}

/// Wipes and deletes keys that are past their time at `now`. This is not audited: the record of a
/// key's creation implies it.
pub(crate) async fn clear(sql: &Sql, now: Timestamp) -> Result<(), Error> {
    let now: OffsetDateTime = now.inner();
    sql.upkeep("signing_keys.clear", CLEAR, [now.into()])
        .await
        .map(drop)
}

fn fresh(sql: &Sql) -> Result<NewKey, Error> {
    let database = sql.database();
    NewKey::make(database.ring(), &database.runtime().random)
        .map_err(|error| Error::Internal(error.into()))
}

fn event(action: Action, key: KeyId) -> Event {
    about(action, "signing_key", Some(key.uuid()), None)
}
