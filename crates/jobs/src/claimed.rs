//! A claimed job: its claim, its payload and its hand-over.

use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_database::{Database, Error, FromRow, Id, Job, Row, Uuid, Value};
use serde::de::DeserializeOwned;

use crate::{
    JobError,
    queue::{Claim, Queue, seconds},
};

// While a job runs, `run_at` is the end of its lease, so that one index finds both due and
// abandoned jobs.
const CLAIM: &str = r"
    WITH due AS (
        SELECT id
        FROM mainstay.jobs
        WHERE state IN ('waiting', 'running') AND run_at <= now() AND kind = ANY($1)
        ORDER BY run_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE mainstay.jobs j
    SET state = 'running', claim = $3, attempts = attempts + 1,
        run_at = now() + make_interval(secs => $4), leased_until = now() + make_interval(secs => $4)
    FROM due
    WHERE j.id = due.id
    RETURNING j.id, j.kind, j.attempts, j.payload
";

/// A job that this worker has claimed: no other worker may run it while the lease is valid.
pub struct Claimed {
    pub(crate) id: Id<Job>,
    pub(crate) kind: String,
    claim: Uuid,
    pub(crate) attempt: i32,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) queue: Queue,
    pub(crate) handed_over: AtomicBool,
}

#[derive(FromRow)]
struct ClaimedJob {
    id: Id<Job>,
    kind: String,
    attempts: i32,
    payload: Option<Vec<u8>>,
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
    /// [`JobError::GiveUp`] if it cannot be decrypted or is not a `T`, which a retry does not
    /// change.
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

    /// Marks the job as handed over, durably: from now on it is never retried automatically. Call
    /// it right before the step that cannot be undone. If that step fails and may have had an
    /// effect, return [`JobError::Unclear`].
    ///
    /// # Errors
    /// [`JobError::Retry`] if the mark could not be saved, or the lease expired and another worker
    /// has the job. The step must not be taken then.
    pub async fn hand_over(&self) -> Result<(), JobError> {
        if !self.queue.hand_over(self.as_claim()).await? {
            return Err(JobError::retry("the lease expired"));
        }
        self.handed_over.store(true, Ordering::Release);
        Ok(())
    }

    /// Claims at most `count` jobs of these kinds that are due or whose lease has expired.
    pub(crate) async fn claim(
        queue: &Queue,
        kinds: &[String],
        count: usize,
    ) -> Result<Vec<Self>, Error> {
        let claim = queue.database().runtime().new_id::<Self>().uuid();
        let values: [Value; 4] = [
            kinds.to_vec().into(),
            i64::try_from(count).unwrap_or(i64::MAX).into(),
            claim.into(),
            seconds(queue.lease()),
        ];

        let rows = queue.run("jobs.claim", CLAIM, values).await?;
        queue.pulse().beat();

        let jobs = Row::read_all::<ClaimedJob>(&rows)?.into_iter();
        Ok(jobs.map(|job| Self::new(queue, claim, job)).collect())
    }

    fn new(queue: &Queue, claim: Uuid, job: ClaimedJob) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            claim,
            attempt: job.attempts,
            payload: job.payload,
            queue: queue.clone(),
            handed_over: AtomicBool::new(false),
        }
    }

    /// The worker's claim on the job.
    pub(crate) fn as_claim(&self) -> Claim {
        Claim {
            job: self.id,
            id: self.claim,
        }
    }

    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }
}
