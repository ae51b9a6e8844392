//! The statements of the queue. Each statement about a running job has its claim as a condition: a
//! worker that stalled for longer than its lease finds that another one has the job.
//!
//! All times are the database's (`now()`), so that a replica with a wrong clock neither delays jobs
//! nor takes those of others.

use std::time::Duration;

use mainstay_database::{Database, Error, Id, Job, Origin, Pulse, Row, Sql, Uuid, Value};

use crate::Settings;

const RENEW: &str = r"
    UPDATE mainstay.jobs
    SET leased_until = now() + make_interval(secs => $3), run_at = now() + make_interval(secs => $3)
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const HAND_OVER: &str = r"
    UPDATE mainstay.jobs
    SET state = 'handed_over', leased_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND claim = $2 AND state = 'running'
    RETURNING id
";

const DONE: &str = r"
    UPDATE mainstay.jobs
    SET state = 'done', payload = NULL, claim = NULL, leased_until = NULL, error = NULL,
        finished_at = now()
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const RETRY: &str = r"
    UPDATE mainstay.jobs
    SET state = 'waiting', claim = NULL, leased_until = NULL,
        run_at = now() + make_interval(secs => $3), error = $4
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const FAILED: &str = r"
    UPDATE mainstay.jobs
    SET state = 'failed', claim = NULL, leased_until = NULL, finished_at = now(), error = $3
    WHERE id = $1 AND claim = $2
    RETURNING id
";

const UNCLEAR: &str = r"
    UPDATE mainstay.jobs
    SET claim = NULL, leased_until = now(), error = $3
    WHERE id = $1 AND claim = $2 AND state = 'handed_over'
    RETURNING id
";

const CLEAR: &str = r"
    DELETE FROM mainstay.jobs
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

/// The claim of a worker on a job.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) job: Id<Job>,
    pub(crate) id: Uuid,
}

impl Queue {
    pub(crate) fn new(database: Database, settings: &Settings) -> Self {
        // A fully occupied worker claims nothing, but renews each lease three times before it ends.
        // One statement may fail.
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

    /// How long a claim is valid unless it is renewed.
    pub(crate) fn lease(&self) -> Duration {
        self.lease
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Renews the lease. Returns `false` if another worker has the job.
    pub(crate) async fn renew(&self, claim: Claim) -> Result<bool, Error> {
        self.settle("jobs.renew", RENEW, claim, [seconds(self.lease)])
            .await
    }

    pub(crate) async fn hand_over(&self, claim: Claim) -> Result<bool, Error> {
        self.settle("jobs.hand_over", HAND_OVER, claim, [seconds(self.lease)])
            .await
    }

    pub(crate) async fn done(&self, claim: Claim) -> Result<bool, Error> {
        self.settle("jobs.done", DONE, claim, []).await
    }

    pub(crate) async fn retry(
        &self,
        claim: Claim,
        wait: Duration,
        reason: &str,
    ) -> Result<bool, Error> {
        self.settle("jobs.retry", RETRY, claim, [seconds(wait), reason.into()])
            .await
    }

    pub(crate) async fn failed(&self, claim: Claim, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.failed", FAILED, claim, [reason.into()])
            .await
    }

    pub(crate) async fn unclear(&self, claim: Claim, reason: &str) -> Result<bool, Error> {
        self.settle("jobs.unclear", UNCLEAR, claim, [reason.into()])
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
        claim: Claim,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<bool, Error> {
        let own = [claim.job.uuid().into(), claim.id.into()];
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

pub(crate) fn around(database: &Database) -> Sql {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "worker",
        address: None,
    };
    Sql::unlimited(
        "The queue and its jobs belong to no owner.",
        database,
        origin,
        None,
    )
}

/// The number of seconds of an interval, as a value to bind.
pub(crate) fn seconds(duration: Duration) -> Value {
    duration.as_secs_f64().into()
}
