//! The errors of sealing, exporting and verifying the log.

use mainstay_database::Error;

use crate::{Finding, NoteError};

/// Why the log could not be sealed, exported or verified.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database is unavailable, or refused the statement.
    #[error(transparent)]
    Database(#[from] Error),
    /// The log's keys cannot be used.
    #[error("audit log key: {0}")]
    Key(&'static str),
    /// A checkpoint cannot be trusted.
    #[error("a checkpoint of the audit log cannot be trusted: {0}")]
    Note(#[from] NoteError),
    /// The log does not match its seal.
    #[error("{0}")]
    Found(#[from] Finding),
    /// An export or a file of checkpoints cannot be read or written.
    #[error("cannot read or write the file")]
    File(#[from] std::io::Error),
    /// A line of an export is invalid.
    #[error("line {line} of the export: {what}")]
    Export {
        /// Number of the line, starting at 1.
        line: usize,
        /// What is wrong with the line.
        what: &'static str,
    },
}

impl AuditError {
    /// The underlying error, for logs and operators.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Database(error) => error.cause(),
            Self::File(error) => Some(error.to_string()),
            _ => None,
        }
    }
}
