//! Why the log could not be sealed, exported or verified.

use mainstay_database::Error;

use crate::{Finding, NoteError};

/// Why the log could not be sealed, exported or verified.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] Error),
    /// The log's keys cannot be used.
    #[error("the keys of the audit log: {0}")]
    Key(&'static str),
    /// A checkpoint is not believed.
    #[error("a checkpoint of the audit log is not believed: {0}")]
    Note(#[from] NoteError),
    /// The log is not what was sealed.
    #[error("{0}")]
    Found(#[from] Finding),
    /// An export or a file of checkpoints cannot be read or written.
    #[error("the file")]
    File(#[from] std::io::Error),
    /// A line of an export is none.
    #[error("line {line} of the export: {what}")]
    Export {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl AuditError {
    /// What lies beneath, for the log.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Database(error) => error.cause(),
            Self::File(error) => Some(error.to_string()),
            _ => None,
        }
    }
}
