use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_database::{Database, Id, Job, Uuid};
use serde::de::DeserializeOwned;

use crate::{JobError, queue::Queue};

/// A job that this worker has claimed: no other worker may run it while the lease is valid.
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
    /// The id of the job. It is the same at each attempt, so a receiver can recognise duplicates.
    pub fn id(&self) -> Id<Job> {
        self.id
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// The database of its queue.
    pub fn database(&self) -> &Database {
        self.queue.database()
    }

    /// Decrypts the payload.
    ///
    /// # Errors
    /// [`JobError::GiveUp`] if it cannot be decrypted or is not a `T`, which a retry does not change.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        let sealed = self
            .payload
            .as_deref()
            .ok_or_else(|| JobError::give_up("the payload was deleted"))?;

        Job::open(self.id, sealed, self.database().ring()).map_err(|error| {
            tracing::error!(
                job = %self.id,
                kind = self.kind,
                %error,
                cause = error.cause(),
                "decrypting a job's payload failed"
            );
            JobError::give_up("the payload cannot be decrypted")
        })
    }

    /// Marks the job as handed over, durably: from now on it is never retried automatically. Call it right before the
    /// step that cannot be undone. If that step fails and may have had an effect, return [`JobError::Unclear`].
    ///
    /// # Errors
    /// [`JobError::Retry`] if the mark could not be saved, or the lease expired and another worker has the job. The
    /// step must not be taken then.
    pub async fn hand_over(&self) -> Result<(), JobError> {
        if !self.queue.hand_over(self).await? {
            return Err(JobError::retry("the lease expired"));
        }

        self.handed_over.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }
}
