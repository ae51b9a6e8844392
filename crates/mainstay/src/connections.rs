//! The number of connections to Postgres that processes use.

use crate::Settings;

/// The maximum number of connections to Postgres per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Connections of one `serve`.
    pub serve: usize,
    /// Connections of one `worker`.
    pub worker: usize,
}

/// Connections that a worker keeps in addition to those for jobs: one, for metrics and health.
pub(crate) const OF_WORKER: usize = 1;

/// The settings of a process that runs jobs and serves no requests.
pub(crate) fn of_worker(mut settings: Settings) -> Settings {
    settings.database.pool_size = OF_WORKER;
    settings
}

/// The settings of the pool for jobs. It is separate from the pool for requests, so that jobs never
/// delay a request.
pub(crate) fn of_work(
    database: &mainstay_database::Settings,
    jobs: &mainstay_jobs::Settings,
) -> mainstay_database::Settings {
    mainstay_database::Settings {
        pool_size: jobs.concurrency.clamp(2, 8),
        ..database.clone()
    }
}
