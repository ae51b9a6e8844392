use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_database::{Database, Id, Job, Uuid};
use serde::de::DeserializeOwned;

use crate::{JobError, queue::Queue};

/// A job that this worker alone may do, for as long as its lease is renewed.
pub struct Claimed {
    pub(crate) id: Id<Job>,
    pub(crate) kind: String,
    pub(crate) claim: Uuid,
    pub(crate) attempt: i32,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) queue: Queue,
    pub(crate) handed_over: AtomicBool,
}

impl Claimed {
    /// Which one it is: the same at each attempt, so that whoever is asked twice can tell.
    pub fn id(&self) -> Id<Job> {
        self.id
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// The database that it was queued in.
    pub fn database(&self) -> &Database {
        self.queue.database()
    }

    /// What is to be done.
    ///
    /// # Errors
    /// [`JobError::GiveUp`] when it does not open or is no `T`: that will not change.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        let sealed = self
            .payload
            .as_deref()
            .ok_or_else(|| JobError::give_up("the payload is gone"))?;
        Job::open(self.id, sealed, self.database().ring()).map_err(|error| {
            tracing::error!(job = %self.id, kind = self.kind, %error, cause = error.cause(), "a payload does not open");
            JobError::give_up("the payload does not open")
        })
    }

    /// Notes, lastingly, that what comes next may take effect: from now on the job is never begun again by itself. To be
    /// called right before the one step that cannot be taken back. What fails after it, and is not known to have had no
    /// effect, is [`JobError::Unclear`].
    ///
    /// # Errors
    /// [`JobError::Retry`] when it could not be noted, or when the lease has run out and another worker has the job:
    /// then the step must not be taken.
    pub async fn hand_over(&self) -> Result<(), JobError> {
        if !self.queue.hand_over(self).await? {
            return Err(JobError::retry("the lease ran out"));
        }
        self.handed_over.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }
}
