//! The trait of handlers, which run jobs of one kind.

use futures_util::future::BoxFuture;

use crate::{Claimed, JobError};

/// Runs jobs of one kind.
///
/// A job may run twice if a worker dies while running it. See [`Claimed::hand_over`] for work that
/// must not be repeated.
pub trait Handler: Send + Sync {
    /// The kind of jobs.
    fn kind(&self) -> &'static str;

    /// Runs a job.
    ///
    /// # Errors
    /// [`JobError`] determines whether the job is retried.
    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>>;
}
