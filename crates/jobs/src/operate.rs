//! Commands for operators: list unfinished jobs, and retry failed ones.

use mainstay_database::{Change, Error, Event, FromRow, Id, Job, Sql, values};
use mainstay_kernel::Timestamp;

const LIST: &str = r"
    SELECT id, kind, state, attempts, created_at, run_at, coalesce(error, '') AS error
    FROM mainstay.jobs
    WHERE state <> 'done' AND ($1::text IS NULL OR kind = $1)
    ORDER BY id
    LIMIT 1000
";

/// Excludes jobs that were handed over, because they may have had an effect.
const RETRY: &str = r"
    changed AS (
        UPDATE mainstay.jobs
        SET state = 'waiting', attempts = 0, finished_at = NULL, error = NULL, run_at = now()
        WHERE id = $1 AND state = 'failed' AND payload IS NOT NULL
        RETURNING id
    )
";

/// A job that is not done.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Unfinished {
    /// The id of the job.
    pub id: Id<Job>,
    /// The kind of job, such as `webhook`.
    pub kind: String,
    /// `waiting`, `running`, `handed_over` or `failed`.
    pub state: String,
    /// Number of attempts that were started.
    pub attempts: i32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it runs next, if it is waiting.
    pub run_at: Timestamp,
    /// Why the last attempt failed; empty if none did.
    pub error: String,
}

/// Lists the oldest thousand jobs of one kind or of all kinds that are not done, oldest first.
///
/// # Errors
/// The error of the database.
pub async fn unfinished(sql: &Sql, kind: Option<&str>) -> Result<Vec<Unfinished>, Error> {
    sql.query("jobs.unfinished", LIST, values![kind.map(str::to_owned)])
        .await
}

/// Queues a failed job again, with all its attempts. Returns `false` if no failed job has this id.
/// Records `job_retried`.
///
/// # Errors
/// The error of the database.
pub async fn retry(sql: &Sql, id: Id<Job>) -> Result<bool, Error> {
    let event = Event {
        action: "job_retried".to_owned(),
        resource: "job",
        resource_id: Some(id.uuid()),
        organization: None,
    };
    let change = Change::new("jobs.retry_failed", RETRY, [id.uuid().into()], event);

    Ok(!sql.change(change).await?.is_empty())
}
