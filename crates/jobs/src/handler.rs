use std::borrow::Cow;

use futures_util::future::BoxFuture;

use crate::Claimed;

/// Does work of one kind.
///
/// Work may be done twice when a worker dies in the middle of it: see [`Claimed::hand_over`] for what must not be.
pub trait Handler: Send + Sync {
    /// The kind, as it was queued.
    fn kind(&self) -> &'static str;

    /// Does it.
    ///
    /// # Errors
    /// [`JobError`] says what becomes of the job.
    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>>;
}

/// Why a job was not done. The reason is kept beside the job and logged: it must not quote the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was certainly not done; the next attempt may succeed.
    #[error("{0}")]
    Retry(Cow<'static, str>),
    /// It was certainly not done, and never will be.
    #[error("{0}")]
    GiveUp(Cow<'static, str>),
    /// It was handed over, and nobody knows whether it was done. Before a job is handed over, the same as
    /// [`Retry`](Self::Retry).
    #[error("{0}")]
    Unclear(Cow<'static, str>),
}

impl JobError {
    /// Try again later.
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry(reason.into())
    }

    /// Do not try again.
    pub fn give_up(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::GiveUp(reason.into())
    }

    /// Nobody knows.
    pub fn unclear(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unclear(reason.into())
    }
}

impl From<mainstay_database::Error> for JobError {
    /// A database that is away comes back; what beside that goes wrong there may be mended by the next release.
    fn from(error: mainstay_database::Error) -> Self {
        Self::retry(error.to_string())
    }
}
