//! Follows the log.

use mainstay_database::PostgresSession;

use crate::{
    AuditError,
    record::Record,
    sealer::{Position, read},
};

/// Follows the log: every record that is committed from now on, once, those of earlier transactions first.
pub struct Tail {
    session: PostgresSession,
    position: Position,
}

impl Tail {
    /// Begins at the end of the log.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn begin(mut session: PostgresSession) -> Result<Self, AuditError> {
        let position = Position::now(&mut session).await?;
        Ok(Self { session, position })
    }

    /// What has come since the last time; whether more is there.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn next(&mut self) -> Result<(Vec<Record>, bool), AuditError> {
        let (records, next, is_full) = read(&mut self.session, self.position).await?;
        self.position = next;
        Ok((
            records.into_iter().map(|(record, _)| record).collect(),
            is_full,
        ))
    }
}
