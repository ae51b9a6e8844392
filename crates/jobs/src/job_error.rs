//! The error of a job.

use std::borrow::Cow;

/// The reason why a job failed. It is stored with the job and logged, so it must not quote the
/// payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The job had no effect, and the next attempt may succeed.
    #[error("{0}")]
    Retry(Cow<'static, str>),
    /// The job had no effect, and no attempt will succeed.
    #[error("{0}")]
    GiveUp(Cow<'static, str>),
    /// It is unknown whether the job had an effect. For a job that was not handed over, the same as
    /// [`Retry`](Self::Retry).
    #[error("{0}")]
    Unclear(Cow<'static, str>),
}

impl JobError {
    /// Creates an error after which the job is retried.
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry(reason.into())
    }

    /// Creates an error after which the job is not retried.
    pub fn give_up(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::GiveUp(reason.into())
    }

    /// Creates an error after which the outcome is unknown.
    pub fn unclear(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unclear(reason.into())
    }
}

impl From<mainstay_database::Error> for JobError {
    /// Retries every error of the database: outages end, and the next release may fix other errors.
    fn from(error: mainstay_database::Error) -> Self {
        Self::retry(error.to_string())
    }
}
