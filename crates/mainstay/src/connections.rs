//! How many connections to Postgres processes take.

use crate::Settings;

/// How many connections to Postgres each process takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Of a `serve`.
    pub serve: usize,
    /// Of a `worker`.
    pub worker: usize,
}

/// How many connections a worker keeps beside those that it works on: what it measures and tells, it asks on one.
pub(crate) const OF_WORKER: usize = 1;

/// The settings of a process that works and serves no requests.
pub(crate) fn of_worker(mut settings: Settings) -> Settings {
    settings.database.pool_size = OF_WORKER;
    settings
}

/// How work reaches Postgres. It has connections of its own, opened when there is some: it never keeps a request waiting for
/// one.
pub(crate) fn of_work(
    database: &mainstay_database::Settings,
    jobs: &mainstay_jobs::Settings,
) -> mainstay_database::Settings {
    mainstay_database::Settings {
        pool_size: jobs.concurrency.clamp(2, 8),
        ..database.clone()
    }
}
