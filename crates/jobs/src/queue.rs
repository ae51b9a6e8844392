//! The statements of the queue. Whoever finishes a job names the claim under which it runs: a worker that stalled beyond
//! its lease finds that the job is no longer its own.

use std::sync::atomic::AtomicBool;

use mainstay_database::{Database, Error, Id, Origin, Row, Unscoped, Uuid, Value};
use mainstay_kernel::Timestamp;
use time::Duration;

use crate::Claimed;

// While a job runs, `run_at` is the end of its lease, so that one index finds what waits and what was left behind.
const CLAIM: &str = "WITH due AS (SELECT id FROM jobs WHERE state IN ('waiting', 'running') AND run_at <= $1 \
         AND kind = ANY($2) ORDER BY run_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
     UPDATE jobs j SET state = 'running', claim = $4, attempts = attempts + 1, run_at = $5, leased_until = $5 \
     FROM due WHERE j.id = due.id RETURNING j.id, j.kind, j.attempts, j.payload";

const RENEW: &str = "UPDATE jobs SET leased_until = $3, run_at = $3 WHERE id = $1 AND claim = $2 RETURNING id";

const HAND_OVER: &str = "UPDATE jobs SET state = 'handed_over', leased_until = $3 \
     WHERE id = $1 AND claim = $2 AND state = 'running' RETURNING id";

const DONE: &str = "UPDATE jobs SET state = 'done', payload = NULL, claim = NULL, leased_until = NULL, error = NULL, \
     finished_at = $3 WHERE id = $1 AND claim = $2 RETURNING id";

const RETRY: &str = "UPDATE jobs SET state = 'waiting', claim = NULL, leased_until = NULL, run_at = $3, error = $4 \
     WHERE id = $1 AND claim = $2 RETURNING id";

const FAILED: &str = "UPDATE jobs SET state = 'failed', claim = NULL, leased_until = NULL, finished_at = $3, error = $4 \
     WHERE id = $1 AND claim = $2 RETURNING id";

const UNCLEAR: &str = "UPDATE jobs SET claim = NULL, leased_until = $3, error = $4 \
     WHERE id = $1 AND claim = $2 AND state = 'handed_over' RETURNING id";

const COUNT: &str = "SELECT state, count(*) FROM jobs WHERE state <> 'done' GROUP BY state";

const CLEAR: &str =
    "DELETE FROM jobs WHERE finished_at < $1 OR (state = 'handed_over' AND leased_until < $1) RETURNING id";

/// The queue, as the worker sees it. Cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Queue {
    database: Database,
    lease: Duration,
}

impl Queue {
    pub(crate) fn new(database: Database, lease: std::time::Duration) -> Self {
        Self { database, lease: Duration::try_from(lease).unwrap_or(Duration::MAX) }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.database.runtime().clock.now()
    }

    fn lease_end(&self) -> Value {
        moment(self.now() + self.lease)
    }

    /// Takes at most `count` jobs of these kinds that are due, or whose worker let its lease run out.
    pub(crate) async fn claim(&self, kinds: &[String], count: usize) -> Result<Vec<Claimed>, Error> {
        let claim = self.database.runtime().new_id::<Claimed>().uuid();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let values = [moment(self.now()), kinds.to_vec().into(), count.into(), claim.into(), self.lease_end()];
        let rows = self.run("jobs.claim", CLAIM, values).await?;
        rows.iter().map(|row| self.claimed(claim, row)).collect()
    }

    fn claimed(&self, claim: Uuid, row: &Row) -> Result<Claimed, Error> {
        Ok(Claimed {
            id: row.get::<Id<_>>(0)?,
            kind: row.get(1)?,
            claim,
            attempt: row.get(2)?,
            payload: row.get(3)?,
            queue: self.clone(),
            handed_over: AtomicBool::new(false),
        })
    }

    /// Makes the lease begin anew; `false` when another worker has the job.
    pub(crate) async fn renew(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.renew", RENEW, job, [self.lease_end()]).await
    }

    pub(crate) async fn hand_over(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.hand_over", HAND_OVER, job, [self.lease_end()]).await
    }

    pub(crate) async fn done(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.done", DONE, job, [moment(self.now())]).await
    }

    pub(crate) async fn retry(&self, job: &Claimed, wait: Duration, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.retry", RETRY, job, [moment(self.now() + wait), reason.into()]).await
    }

    pub(crate) async fn failed(&self, job: &Claimed, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.failed", FAILED, job, [moment(self.now()), reason.into()]).await
    }

    pub(crate) async fn unclear(&self, job: &Claimed, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.unclear", UNCLEAR, job, [moment(self.now()), reason.into()]).await
    }

    /// How many jobs there are that are not done, by state.
    pub(crate) async fn count(&self) -> Result<Vec<(String, i64)>, Error> {
        let rows = self.around().select("jobs.count", COUNT, []).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// Forgets what was finished, or left behind as unclear, before `moment`.
    pub(crate) async fn clear(&self, before: Timestamp) -> Result<usize, Error> {
        Ok(self.run("jobs.clear", CLEAR, [moment(before)]).await?.len())
    }

    async fn settle(
        &self,
        name: &'static str,
        text: &'static str,
        job: &Claimed,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<bool, Error> {
        let own = [job.id.uuid().into(), job.claim.into()];
        Ok(!self.run(name, text, own.into_iter().chain(values)).await?.is_empty())
    }

    pub(crate) async fn run(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.around().upkeep(name, text, values).await
    }

    fn around(&self) -> Unscoped {
        let origin = Origin { request: Uuid::nil(), operation: "worker", address: None };
        Unscoped::because("the queue belongs to no organization", &self.database, origin, None)
    }
}

/// The value to bind for a moment.
pub(crate) fn moment(moment: Timestamp) -> Value {
    Value::TimeDateTimeWithTimeZone(Some(moment.inner()))
}
