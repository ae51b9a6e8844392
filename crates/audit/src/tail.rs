//! Follows the log.

use mainstay_database::PostgresSession;

use crate::{
    AuditError,
    record::Record,
    sealer::{Position, read},
};

/// Follows the log: returns every record committed from now on exactly once, ordered by
/// transaction.
pub struct Tail {
    session: PostgresSession,
    position: Position,
}

impl Tail {
    /// Starts at the end of the log.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn begin(mut session: PostgresSession) -> Result<Self, AuditError> {
        let position = Position::now(&mut session).await?;
        Ok(Self { session, position })
    }

    /// Returns the records since the last call, and whether there may be more.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn next(&mut self) -> Result<(Vec<Record>, bool), AuditError> {
        let (records, next, is_full) = read(&mut self.session, self.position).await?;
        self.position = next;

        Ok((
            records.into_iter().map(|(record, _)| record).collect(),
            is_full,
        ))
    }
}
