//! The errors of publishing a checkpoint.

use std::io;

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The log was truncated, restored or rewritten since the last published checkpoint.
    #[error("a published checkpoint contradicts the log: the log was restored or rewritten")]
    Contradiction,
    #[error("cannot write to the file or standard output: {0}")]
    Io(#[from] io::Error),
    #[error("the bucket refused the checkpoint: {0}")]
    Bucket(#[from] object_store::Error),
    #[error("cannot compare the published checkpoint with the log: {0}")]
    Database(#[from] mainstay_database::Error),
    #[error("timed out")]
    Timeout,
}
