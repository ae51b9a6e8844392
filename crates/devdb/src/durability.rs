//! What becomes of a cluster's data.

/// What becomes of a cluster's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is kept, and a commit is on the disk before it is acknowledged.
    Durable,
    /// It is removed with the directory when the cluster stops, and nothing waits for the disk. For tests.
    Throwaway,
}
