//! Commands for operators: list messages that were not sent, send them again, or mark them as sent.

use mainstay_database::{Change, Error, Event, FromRow, Id, Job, Sql};
use mainstay_kernel::Timestamp;

use crate::{Mail, mail::KIND};

const LIST: &str = r"
    SELECT id, state, attempts, created_at, run_at, coalesce(error, '') AS error, payload
    FROM mainstay.jobs
    WHERE kind = $1 AND state <> 'done'
    ORDER BY id
    LIMIT 1000
";

const RESEND: &str = r"
    changed AS (
        UPDATE mainstay.jobs
        SET state = 'waiting', attempts = 0, claim = NULL, leased_until = NULL, finished_at = NULL,
            error = NULL, run_at = now()
        WHERE id = $1
          AND kind = $2
          AND state IN ('handed_over', 'failed')
          AND payload IS NOT NULL
        RETURNING id
    )
";

/// Excludes messages that a live worker is sending: it renews its lease.
const SETTLE: &str = r"
    changed AS (
        UPDATE mainstay.jobs
        SET state = 'done', payload = NULL, claim = NULL, leased_until = NULL, error = NULL,
            finished_at = now()
        WHERE id = $1
          AND kind = $2
          AND state = 'handed_over'
          AND (claim IS NULL OR leased_until < now())
        RETURNING id
    )
";

/// A message that was not sent, or whose outcome is unknown.
pub struct Undelivered {
    /// The id of the job, which is also the Message-ID.
    pub id: Id<Job>,
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
    /// The masked recipient, such as `a***@example.org`; `?` if the payload cannot be decrypted.
    pub to: String,
}

/// Lists the oldest thousand messages that were not sent or whose outcome is unknown, oldest first.
///
/// # Errors
/// The error of the database.
pub async fn undelivered(sql: &Sql) -> Result<Vec<Undelivered>, Error> {
    let rows: Vec<StoredMail> = sql.query("jobs.undelivered", LIST, [KIND.into()]).await?;

    Ok(rows.into_iter().map(|row| row.open(sql)).collect())
}

#[derive(FromRow)]
struct StoredMail {
    id: Id<Job>,
    state: String,
    attempts: i32,
    created_at: Timestamp,
    run_at: Timestamp,
    error: String,
    payload: Option<Vec<u8>>,
}

impl StoredMail {
    fn open(self, sql: &Sql) -> Undelivered {
        let ring = sql.database().ring();
        let mail = self
            .payload
            .and_then(|sealed| Job::open::<Mail>(self.id, &sealed, ring).ok());

        Undelivered {
            id: self.id,
            state: self.state,
            attempts: self.attempts,
            created_at: self.created_at,
            run_at: self.run_at,
            error: self.error,
            to: mail.map_or_else(|| "?".to_owned(), |mail| masked(mail.to())),
        }
    }
}

/// Queues a message again that failed or whose outcome is unknown. In the latter case it may arrive
/// twice. Returns `false` if no such message has this id.
///
/// # Errors
/// The error of the database.
pub async fn resend(sql: &Sql, id: Id<Job>) -> Result<bool, Error> {
    let event = Event {
        action: "mail_resent".to_owned(),
        resource: "job",
        resource_id: Some(id.uuid()),
        organization: None,
    };

    let change = Change::new(
        "jobs.resend",
        RESEND,
        [id.uuid().into(), KIND.into()],
        event,
    );

    Ok(!sql.change(change).await?.is_empty())
}

/// Marks a message whose outcome is unknown as done, and deletes its payload. Returns `false` if no
/// such message has this id; a message that is being sent does not count.
///
/// # Errors
/// The error of the database.
pub async fn settle(sql: &Sql, id: Id<Job>) -> Result<bool, Error> {
    let event = Event {
        action: "mail_settled".to_owned(),
        resource: "job",
        resource_id: Some(id.uuid()),
        organization: None,
    };

    let change = Change::new(
        "jobs.settle",
        SETTLE,
        [id.uuid().into(), KIND.into()],
        event,
    );

    Ok(!sql.change(change).await?.is_empty())
}

/// Masks the local part of an address. The domain stays, because it does not identify the person.
fn masked(address: &str) -> String {
    let (name, domain) = address.split_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}
