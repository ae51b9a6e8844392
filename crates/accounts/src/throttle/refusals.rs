//! What the audit log is told of failures and refusals: a bounded number of records for each address and window. The first
//! refusal of a quarter of an hour is recorded, with the number of those before it that were not (OWASP ASVS 2.4.1).

use mainstay_database::{Change, Error, Event, Unscoped};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::events::{Action, about_user};

use super::{
    keys::{Group, host_text, key, networks},
    now, wait_until,
};

/// Failures that are recorded one by one, of an address and of a network; then they have to wait as attempts do.
const RECORDED: [i32; 2] = [50, 500];

/// Refuses an attempt until a moment: counts it, and records the first of its window.
pub(crate) async fn refuse(unscoped: &Unscoped, until: Timestamp) -> Problem {
    refuse_beside(unscoped, until, 0).await
}

/// As [`refuse`], and counts as many that were given from memory before it.
pub(crate) async fn refuse_beside(
    unscoped: &Unscoped,
    until: Timestamp,
    from_memory: i64,
) -> Problem {
    refusal(
        unscoped,
        about_user(Action::LoginFailMax, None, None),
        until,
        from_memory,
    )
    .await
}

/// As [`refuse`], of an account whose owner or somebody who has its password is slowed down.
pub(crate) async fn refuse_holder(
    unscoped: &Unscoped,
    user: UserId,
    organization: Option<OrganizationId>,
    until: Timestamp,
) -> Problem {
    refusal(
        unscoped,
        about_user(Action::LoginFailMax, Some(user), organization),
        until,
        0,
    )
    .await
}

async fn refusal(unscoped: &Unscoped, event: Event, until: Timestamp, from_memory: i64) -> Problem {
    match record_first(unscoped, event, from_memory).await {
        Ok(()) => wait_until(until, now(unscoped)),
        Err(error) => error.into(),
    }
}

/// Records the failure of a caller who has not shown any credential and whose attempt no throttle counts: each of the
/// first, then one of a window.
///
/// # Errors
/// As the database answers.
pub async fn record_failure(unscoped: &Unscoped, event: Event) -> Result<(), Error> {
    const ADMIT: &str = "SELECT mainstay.admit_attempt($1, $2, $3)";

    let keys = networks(
        unscoped.database().ring(),
        Group::Anywhere,
        "recorded ",
        unscoped.address(),
    )
    .to_vec();

    let values = [
        keys.into(),
        RECORDED.to_vec().into(),
        now(unscoped).inner().into(),
    ];

    let rows = unscoped.upkeep("throttles.failure", ADMIT, values).await?;

    match super::moment(&rows, 0)? {
        None => unscoped.record(event).await,
        Some(_) => record_first(unscoped, event, 0).await,
    }
}

/// Records an event unless one of its kind from this address was recorded within the window, and says how many were left
/// out since.
async fn record_first(unscoped: &Unscoped, event: Event, from_memory: i64) -> Result<(), Error> {
    const COUNT: &str = r"
        counted AS MATERIALIZED (SELECT mainstay.count_refusal($1, $2, $3) AS unrecorded),
            changed AS (
                SELECT NULL::jsonb AS before, jsonb_build_object('unrecorded', unrecorded) AS after
                FROM counted
                WHERE unrecorded IS NOT NULL
            )
    ";

    let subject = format!(
        "{} {} {}",
        event.action,
        event.resource,
        host_text(unscoped.address())
    );

    let refused = key(
        unscoped.database().ring(),
        Group::Anywhere,
        "refused",
        &subject,
    );

    let values = [
        refused.into(),
        from_memory.into(),
        now(unscoped).inner().into(),
    ];

    let change = Change::new("refusals.count", COUNT, values, event).showing_rows();
    unscoped.change(change).await.map(drop)
}

/// Forgets addresses that were not refused lately, and records how many refusals were left out of the audit log.
///
/// # Errors
/// As the database answers.
pub(crate) async fn clear_refusals(unscoped: &Unscoped) -> Result<(), Error> {
    const CLEAR: &str = r"
        gone AS (
            DELETE FROM mainstay.refusals
            WHERE key IN (
                SELECT key
                FROM mainstay.refusals
                WHERE recorded_at < $1 - interval '1 hour'
                LIMIT 5000
                FOR UPDATE SKIP LOCKED
            )
            RETURNING unrecorded
        ),
        changed AS (
            SELECT NULL::jsonb AS before, jsonb_build_object('unrecorded', sum(unrecorded)) AS after
            FROM gone
            HAVING sum(unrecorded) > 0
        )
    ";

    let event = about_user(Action::LoginFailMax, None, None);

    let change = Change::new(
        "refusals.clear",
        CLEAR,
        [now(unscoped).inner().into()],
        event,
    )
    .showing_rows();

    unscoped.change(change).await.map(drop)
}
