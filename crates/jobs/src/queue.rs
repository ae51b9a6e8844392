//! The statements of the queue. Each statement about a running job has its claim as a condition: a worker that stalled
//! for longer than its lease finds that another one has the job.
//!
//! All times are the database's (`now()`), so that a replica with a wrong clock neither delays jobs nor takes those of
//! others.

use std::{sync::atomic::AtomicBool, time::Duration};

use mainstay_database::{Database, Error, Id, Origin, Pulse, Row, Unscoped, Uuid, Value};

use crate::{Claimed, Settings};

// While a job runs, `run_at` is the end of its lease, so that one index finds both due and abandoned jobs.
const CLAIM: &str = r"
    WITH due AS (
        SELECT id
        FROM jobs
        WHERE state IN ('waiting', 'running') AND run_at <= now() AND kind = ANY($1)
        ORDER BY run_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs j
    SET state = 'running',
        claim = $3,
        attempts = attempts + 1,
        run_at = now() + make_interval(secs => $4),
        leased_until = now() + make_interval(secs => $4)
    FROM due
    WHERE j.id = due.id
    RETURNING j.id, j.kind, j.attempts, j.payload
";

const RENEW: &str = r"
    UPDATE jobs
    SET leased_until = now() + make_interval(secs => $3),
        run_at = now() + make_interval(secs => $3)
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const HAND_OVER: &str = r"
    UPDATE jobs
    SET state = 'handed_over', leased_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND claim = $2 AND state = 'running'
    RETURNING id
";

const DONE: &str = r"
    UPDATE jobs
    SET state = 'done', payload = NULL, claim = NULL, leased_until = NULL, error = NULL,
        finished_at = now()
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const RETRY: &str = r"
    UPDATE jobs
    SET state = 'waiting', claim = NULL, leased_until = NULL,
        run_at = now() + make_interval(secs => $3), error = $4
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const FAILED: &str = r"
    UPDATE jobs
    SET state = 'failed', claim = NULL, leased_until = NULL, finished_at = now(), error = $3
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const UNCLEAR: &str = r"
    UPDATE jobs
    SET claim = NULL, leased_until = now(), error = $3
    WHERE id = $1 AND claim = $2 AND state = 'handed_over'
    RETURNING id
";

const CLEAR: &str = r"
    DELETE FROM jobs
    WHERE finished_at < now() - make_interval(secs => $1)
      OR (state = 'handed_over' AND leased_until < now() - make_interval(secs => $1))
    RETURNING id
";

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    database: Database,
    lease: Duration,
    pulse: Pulse,
}

impl Queue {
    pub(crate) fn new(database: Database, settings: &Settings) -> Self {
        // A fully occupied worker claims nothing, but renews each lease three times before it ends. One statement may
        // fail.
        let most = settings.poll.max(settings.lease / 3) + 2 * database.patience();
        Self {
            database,
            lease: settings.lease,
            pulse: Pulse::new("claim", most),
        }
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Claims at most `count` jobs of these kinds that are due or whose lease has expired.
    pub(crate) async fn claim(
        &self,
        kinds: &[String],
        count: usize,
    ) -> Result<Vec<Claimed>, Error> {
        let claim = self.database.runtime().new_id::<Claimed>().uuid();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let values = [
            kinds.to_vec().into(),
            count.into(),
            claim.into(),
            seconds(self.lease),
        ];

        let rows = self.run("jobs.claim", CLAIM, values).await?;
        self.pulse.beat();

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

    /// Renews the lease. Returns `false` if another worker has the job.
    pub(crate) async fn renew(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.renew", RENEW, job, [seconds(self.lease)])
            .await
    }

    pub(crate) async fn hand_over(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.hand_over", HAND_OVER, job, [seconds(self.lease)])
            .await
    }

    pub(crate) async fn done(&self, job: &Claimed) -> Result<bool, Error> {
        self.settle("jobs.done", DONE, job, []).await
    }

    pub(crate) async fn retry(
        &self,
        job: &Claimed,
        wait: Duration,
        reason: &str,
    ) -> Result<bool, Error> {
        self.settle("jobs.retry", RETRY, job, [seconds(wait), reason.into()])
            .await
    }

    pub(crate) async fn failed(&self, job: &Claimed, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.failed", FAILED, job, [reason.into()])
            .await
    }

    pub(crate) async fn unclear(&self, job: &Claimed, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.unclear", UNCLEAR, job, [reason.into()])
            .await
    }

    /// Deletes jobs that finished, or whose outcome is unknown, longer ago than `retention`.
    pub(crate) async fn clear(&self, retention: Duration) -> Result<usize, Error> {
        Ok(self
            .run("jobs.clear", CLEAR, [seconds(retention)])
            .await?
            .len())
    }

    async fn settle(
        &self,
        name: &'static str,
        text: &'static str,
        job: &Claimed,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<bool, Error> {
        let own = [job.id.uuid().into(), job.claim.into()];
        let settled = !self
            .run(name, text, own.into_iter().chain(values))
            .await?
            .is_empty();
        self.pulse.beat();

        Ok(settled)
    }

    pub(crate) async fn run(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        around(&self.database).upkeep(name, text, values).await
    }
}

pub(crate) fn around(database: &Database) -> Unscoped {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "worker",
        address: None,
    };
    Unscoped::because(
        "the queue belongs to no organization",
        database,
        origin,
        None,
    )
}

/// The number of seconds of an interval, as a value to bind.
pub(crate) fn seconds(duration: Duration) -> Value {
    duration.as_secs_f64().into()
}
