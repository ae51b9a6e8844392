//! A write that has not been made yet, so that jobs can be queued with it.

use futures_util::future::BoxFuture;

use crate::{Error, Job};

/// A write of a door. It is made when it is awaited, with its jobs in the same statement:
///
/// ```ignore
/// by.insert(&order).queue(by.job("invoice", &order.id)?).await?;
/// ```
#[must_use = "a write is made when it is awaited"]
pub struct Write<'a, T> {
    jobs: Vec<Job>,
    make: Box<Make<'a, T>>,
}

/// Makes the write, with these jobs.
type Make<'a, T> = dyn FnOnce(Vec<Job>) -> BoxFuture<'a, Result<T, Error>> + Send + 'a;

impl<'a, T> Write<'a, T> {
    pub(crate) fn new<F>(make: impl FnOnce(Vec<Job>) -> F + Send + 'a) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        Self {
            jobs: Vec::new(),
            make: Box::new(move |jobs| Box::pin(make(jobs))),
        }
    }

    /// Queues a job with the write: it runs if and only if the row is written and, in a
    /// transaction, committed.
    pub fn queue(mut self, job: impl Into<Option<Job>>) -> Self {
        self.jobs.extend(job.into());
        self
    }
}

impl<'a, T> IntoFuture for Write<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        (self.make)(self.jobs)
    }
}
