//! The destinations of published checkpoints.

use std::path::PathBuf;

/// Where checkpoints are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointDestination {
    /// Standard output, as a line of JSON with the member `audit_checkpoint`, for a log collector.
    StandardOutput,
    /// A file, to which checkpoints are appended and synced to disk.
    File(PathBuf),
    /// An S3-compatible bucket, one object per checkpoint, never overwritten.
    Bucket {
        /// Name of the bucket.
        bucket: String,
        /// Prefix of the objects' names.
        prefix: String,
    },
}
