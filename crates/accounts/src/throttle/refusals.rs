//! The audit records of failures and refusals: a limited number for each address and window. The
//! first refusal of a quarter of an hour is recorded, with the number of earlier ones that were not
//! (OWASP ASVS 2.4.1).

use mainstay_database::{Change, Error, Event, Row, Sql};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, Timestamp, UserId};
use mainstay_principals::events::{Action, about_user};

use super::{
    keys::{Group, host_text, key, networks},
    now, wait_until,
};

/// Number of failures of an address and of a network that are recorded one by one. Further ones are
/// limited like attempts.
const RECORDED: [i32; 2] = [50, 500];

/// Refuses an attempt, counts the refusal, and records the first one of its window.
pub(crate) async fn refuse(sql: &Sql, until: Timestamp) -> Problem {
    refuse_beside(sql, until, 0).await
}

/// As [`refuse`]. Also counts `from_memory` earlier refusals that were made from memory.
pub(crate) async fn refuse_beside(sql: &Sql, until: Timestamp, from_memory: i64) -> Problem {
    refusal(
        sql,
        about_user(Action::LoginFailMax, None, None),
        until,
        from_memory,
    )
    .await
}

/// As [`refuse`], for a caller who has already shown a credential of the account.
pub(crate) async fn refuse_holder(
    sql: &Sql,
    user: UserId,
    organization: Option<OrganizationId>,
    until: Timestamp,
) -> Problem {
    refusal(
        sql,
        about_user(Action::LoginFailMax, Some(user), organization),
        until,
        0,
    )
    .await
}

async fn refusal(sql: &Sql, event: Event, until: Timestamp, from_memory: i64) -> Problem {
    match record_first(sql, event, from_memory).await {
        Ok(()) => wait_until(until, now(sql)),
        Err(error) => error.into(),
    }
}

/// Records the failure of a caller who has shown no valid credential and whose attempt is not
/// throttled. The first failures are recorded one by one, then one for each window.
///
/// # Errors
/// The error of the database.
pub async fn record_failure(sql: &Sql, event: Event) -> Result<(), Error> {
    const ADMIT: &str = "SELECT mainstay.admit_attempt($1, $2, $3)";

    let keys = networks(
        sql.database().ring(),
        Group::Anywhere,
        "recorded ",
        sql.address(),
    )
    .to_vec();

    let values = [
        keys.into(),
        RECORDED.to_vec().into(),
        now(sql).inner().into(),
    ];
    let rows = sql.upkeep("throttles.failure", ADMIT, values).await?;

    match Row::read_first::<Option<Timestamp>>(&rows)?.flatten() {
        None => sql.record(event).await,
        Some(_) => record_first(sql, event, 0).await,
    }
}

/// Records an event, with the number of unrecorded ones before it, unless one of its kind from this
/// address was recorded in the same window.
async fn record_first(sql: &Sql, event: Event, from_memory: i64) -> Result<(), Error> {
    const COUNT: &str = r"
        counted AS MATERIALIZED (SELECT mainstay.count_refusal($1, $2, $3) AS unrecorded),
        changed AS (
            SELECT
                NULL::jsonb AS before,
                jsonb_build_object('unrecorded', unrecorded) AS after
            FROM counted
            WHERE unrecorded IS NOT NULL
        )
    ";

    let subject = format!(
        "{} {} {}",
        event.action,
        event.resource,
        host_text(sql.address())
    );
    let refused = key(sql.database().ring(), Group::Anywhere, "refused", &subject);

    let values = [refused.into(), from_memory.into(), now(sql).inner().into()];

    let change = Change::new("refusals.count", COUNT, values, event).showing_rows();
    sql.change(change).await.map(drop)
}

/// Deletes addresses without recent refusals, and records how many of their refusals are missing
/// from the audit log.
///
/// # Errors
/// The error of the database.
pub(crate) async fn clear_refusals(sql: &Sql) -> Result<(), Error> {
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
            SELECT
                NULL::jsonb AS before,
                jsonb_build_object('unrecorded', sum(unrecorded)) AS after
            FROM gone
            HAVING sum(unrecorded) > 0
        )
    ";

    let event = about_user(Action::LoginFailMax, None, None);
    let change =
        Change::new("refusals.clear", CLEAR, [now(sql).inner().into()], event).showing_rows();

    sql.change(change).await.map(drop)
}
