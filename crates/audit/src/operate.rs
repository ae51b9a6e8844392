//! What an operator asks of the log's keys from the command line.

use mainstay_database::{Database, Error, Origin, PostgresSession, Unscoped, Uuid};
use mainstay_kernel::Timestamp;

use crate::{AuditError, Settings, keys::Keys, note_key::NoteKey};

/// The keys that sign the log's checkpoints, the newest first, and the first one made where there is none yet.
///
/// # Errors
/// [`AuditError::Key`] when one does not open under the key ring.
pub async fn audit_keys(
    unscoped: &Unscoped,
    settings: &Settings,
) -> Result<Vec<NoteKey>, AuditError> {
    Keys::ensure(unscoped, &settings.origin)
        .await
        .map(|keys| keys.public())
}

/// Makes another key, which signs within a quarter of a minute. The newest first.
///
/// # Errors
/// As [`audit_keys`].
pub async fn rotate_audit_key(
    unscoped: &Unscoped,
    settings: &Settings,
) -> Result<Vec<NoteKey>, AuditError> {
    Keys::rotate(unscoped, &settings.origin)
        .await
        .map(|keys| keys.public())
}

/// The keys that `session` finds in the database, opened under the key ring.
///
/// # Errors
/// As [`audit_keys`].
pub async fn keys_of(
    session: &mut PostgresSession,
    ring: &mainstay_crypto::KeyRing,
) -> Result<Vec<NoteKey>, AuditError> {
    Keys::read(session, ring).await.map(|keys| keys.public())
}

/// When the key was made that signs checkpoints; `None` before there is one.
///
/// # Errors
/// As the database answers.
pub async fn key_made(database: &Database) -> Result<Option<Timestamp>, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "measure_audit_key",
        address: None,
    };

    let unscoped = Unscoped::because(
        "the log's keys belong to no organization",
        database,
        origin,
        None,
    );

    let rows = unscoped
        .select(
            "audit_keys.made",
            "SELECT max(created_at) FROM mainstay.audit_keys",
            [],
        )
        .await?;

    rows.first().map_or(Ok(None), |row| row.get(0))
}
