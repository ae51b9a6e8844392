//! What an operator sees of mail that has not been sent, and what they can do about it.

use mainstay_database::{Change, Error, Event, Id, Job, Row, Unscoped};
use mainstay_kernel::Timestamp;

use crate::{KIND, Mail};

const LIST: &str = r"
    SELECT id, state, attempts, created_at, run_at, coalesce(error, ''), payload
    FROM jobs
    WHERE kind = $1 AND state <> 'done'
    ORDER BY id
    LIMIT 1000
";

const RESEND: &str = r"
    changed AS (
        UPDATE jobs
        SET state = 'waiting', attempts = 0, claim = NULL, leased_until = NULL, finished_at = NULL,
            error = NULL, run_at = now()
        WHERE id = $1
          AND kind = $2
          AND state IN ('handed_over', 'failed')
          AND payload IS NOT NULL
        RETURNING id
    )
";

/// A worker that is alive renews its lease.
const SETTLE: &str = r"
    changed AS (
        UPDATE jobs
        SET state = 'done', payload = NULL, claim = NULL, leased_until = NULL, error = NULL,
            finished_at = now()
        WHERE id = $1
          AND kind = $2
          AND state = 'handed_over'
          AND (claim IS NULL OR leased_until < now())
        RETURNING id
    )
";

/// A mail that has not been sent, or of which nobody knows whether it was.
pub struct Undelivered {
    /// Which one: its Message-ID.
    pub id: Id<Job>,
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
    /// To whom, masked: `a***@example.org`. `?` when the payload does not open.
    pub to: String,
}

/// Mail that has not been sent, or of which nobody knows whether it was: the oldest thousand, oldest first.
///
/// # Errors
/// As the database answers.
pub async fn undelivered(unscoped: &Unscoped) -> Result<Vec<Undelivered>, Error> {
    let rows = unscoped
        .select("jobs.undelivered", LIST, [KIND.into()])
        .await?;
    rows.iter().map(|row| read(unscoped, row)).collect()
}

fn read(unscoped: &Unscoped, row: &Row) -> Result<Undelivered, Error> {
    let id = row.get(0)?;
    let sealed: Option<Vec<u8>> = row.get(6)?;
    let mail =
        sealed.and_then(|sealed| Job::open::<Mail>(id, &sealed, unscoped.database().ring()).ok());

    Ok(Undelivered {
        id,
        state: row.get(1)?,
        attempts: row.get(2)?,
        created_at: row.get(3)?,
        run_at: row.get(4)?,
        error: row.get(5)?,
        to: mail.map_or_else(|| "?".to_owned(), |mail| masked(mail.to())),
    })
}

/// Sends a mail again that failed, or of which nobody knows: it may then arrive twice. `false` when there is none that
/// waits for such a decision.
///
/// # Errors
/// As the database answers.
pub async fn resend(unscoped: &Unscoped, id: Id<Job>) -> Result<bool, Error> {
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

    Ok(!unscoped.change(change).await?.is_empty())
}

/// Says that a mail arrived of which nobody knew: it is done, and its payload is wiped. `false` when there is none that was
/// left behind; one that is being sent right now is not.
///
/// # Errors
/// As the database answers.
pub async fn settle(unscoped: &Unscoped, id: Id<Job>) -> Result<bool, Error> {
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

    Ok(!unscoped.change(change).await?.is_empty())
}

/// The domain says where, not who.
fn masked(address: &str) -> String {
    let (name, domain) = address.split_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}
