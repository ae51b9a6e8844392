//! Commands for the keys of the audit log.

use mainstay_database::{Database, Error, Origin, PostgresSession, Sql, Uuid};
use mainstay_kernel::Timestamp;

use crate::{AuditError, Settings, keys::Keys, note_key::NoteKey, unlimited::LOG};

/// Returns the public keys of the log, newest first. Creates the first key if there is none.
///
/// # Errors
/// [`AuditError::Key`] if the key ring cannot decrypt a key.
pub async fn audit_keys(sql: &Sql, settings: &Settings) -> Result<Vec<NoteKey>, AuditError> {
    Keys::ensure(sql, &settings.origin)
        .await
        .map(|keys| keys.public())
}

/// Creates a key, which signs within 15 seconds. Returns all public keys, newest first.
///
/// # Errors
/// Like [`audit_keys`].
pub async fn rotate_audit_key(sql: &Sql, settings: &Settings) -> Result<Vec<NoteKey>, AuditError> {
    Keys::rotate(sql, &settings.origin)
        .await
        .map(|keys| keys.public())
}

/// Returns the public keys in the database, newest first.
///
/// # Errors
/// Like [`audit_keys`].
pub async fn keys_of(
    session: &mut PostgresSession,
    ring: &mainstay_crypto::KeyRing,
) -> Result<Vec<NoteKey>, AuditError> {
    Keys::read(session, ring).await.map(|keys| keys.public())
}

/// Returns when the signing key was created; `None` if there is no key yet.
///
/// # Errors
/// The error of the database.
pub async fn key_made(database: &Database) -> Result<Option<Timestamp>, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "measure_audit_key",
        address: None,
    };

    let sql = Sql::unlimited(LOG, database, origin, None);

    let made: Vec<Option<Timestamp>> = sql
        .query(
            "audit_keys.made",
            "SELECT max(created_at) FROM mainstay.audit_keys",
            [],
        )
        .await?;

    Ok(made.into_iter().next().flatten())
}
