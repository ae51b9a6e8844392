//! The limits of connections.

use std::time::Duration;

/// The limits of a port's connections.
#[derive(Clone)]
pub(crate) struct Limits {
    /// The name of the port in metrics.
    pub(crate) port: &'static str,
    /// Number of concurrent connections.
    pub(crate) connections: usize,
    /// What happens to further connections.
    pub(crate) beyond: Beyond,
    pub(crate) header_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) drain: Duration,
}

/// What happens to a new connection when the limit is reached.
#[derive(Clone, Copy)]
pub(crate) enum Beyond {
    /// It waits to be accepted. One address may have `per_address` connections.
    Waits { per_address: usize },
    /// It replaces the oldest: for a port where each connection makes one short request.
    ReplacesOldest,
}
