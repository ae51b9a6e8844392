//! What an operator sees of queued work that was not done, and what they can do about it.

use mainstay_database::{Change, Error, Event, Id, Job, Row, Unscoped};
use mainstay_kernel::Timestamp;

const LIST: &str = r"
    SELECT id, kind, state, attempts, created_at, run_at, coalesce(error, '')
    FROM jobs
    WHERE state <> 'done' AND ($1::text IS NULL OR kind = $1)
    ORDER BY id
    LIMIT 1000
";

/// What is handed over may have happened: it is not for this statement.
const RETRY: &str = r"
    changed AS (
        UPDATE jobs
        SET state = 'waiting', attempts = 0, finished_at = NULL, error = NULL, run_at = now()
        WHERE id = $1 AND state = 'failed' AND payload IS NOT NULL
        RETURNING id
    )
";

/// A job that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which one.
    pub id: Id<Job>,
    /// What work it is, such as `webhook`.
    pub kind: String,
    /// `waiting`, `running`, `handed_over` or `failed`.
    pub state: String,
    /// How often it was begun.
    pub attempts: i32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is next tried, where it is waiting.
    pub run_at: Timestamp,
    /// Why the last attempt failed; empty when none did.
    pub error: String,
}

/// Work that is not done, of one kind or of all: the oldest thousand, oldest first.
///
/// # Errors
/// As the database answers.
pub async fn unfinished(unscoped: &Unscoped, kind: Option<&str>) -> Result<Vec<Unfinished>, Error> {
    let rows = unscoped
        .select("jobs.unfinished", LIST, [kind.map(str::to_owned).into()])
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Unfinished, Error> {
    Ok(Unfinished {
        id: row.get(0)?,
        kind: row.get(1)?,
        state: row.get(2)?,
        attempts: row.get(3)?,
        created_at: row.get(4)?,
        run_at: row.get(5)?,
        error: row.get(6)?,
    })
}

/// Lets a job that was given up begin anew, with all its attempts; `false` when there is none of this id. It is recorded
/// as `job_retried`.
///
/// # Errors
/// As the database answers.
pub async fn retry(unscoped: &Unscoped, id: Id<Job>) -> Result<bool, Error> {
    let event = Event {
        action: "job_retried".to_owned(),
        resource: "job",
        resource_id: Some(id.uuid()),
        organization: None,
    };
    let change = Change::new("jobs.retry_failed", RETRY, [id.uuid().into()], event);
    Ok(!unscoped.change(change).await?.is_empty())
}
