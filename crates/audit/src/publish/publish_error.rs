//! Why a checkpoint was not published.

use std::io;

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// What was published contradicts it: the log was cut, restored or rewritten since.
    #[error("what was published before contradicts the log: it was restored or rewritten")]
    Contradiction,
    #[error("the file or standard output cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("the bucket did not take it: {0}")]
    Bucket(#[from] object_store::Error),
    #[error("what was published cannot be compared with the log: {0}")]
    Database(#[from] mainstay_database::Error),
    #[error("timed out")]
    Timeout,
}
