//! Whether a cluster's data is kept.

/// Whether a cluster's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The data is kept, and a commit is on disk before it is acknowledged.
    Durable,
    /// The directory is removed when the cluster stops, and nothing is synchronised to disk. For
    /// tests.
    Throwaway,
}
