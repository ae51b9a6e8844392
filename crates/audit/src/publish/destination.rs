//! Where checkpoints are published.

use std::path::PathBuf;

/// Where checkpoints go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointDestination {
    /// A line of JSON with the member `audit_checkpoint`, for the collector of the logs.
    StandardOutput,
    /// The end of a file, flushed to the disk.
    File(PathBuf),
    /// An object each, written once, in an S3-compatible bucket.
    Bucket {
        /// Its name.
        bucket: String,
        /// What the objects' names begin with.
        prefix: String,
    },
}
