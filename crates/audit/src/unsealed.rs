//! Counts unsealed records. Every process does so, because the sealer may be stuck or hold the lock
//! without working.

use std::time::Duration;

use mainstay_database::{Database, Error, FromRow, Origin, Sql, Uuid};

use crate::unlimited::LOG;

/// Records without a leaf after the newest checkpoint. Limited to ten thousand, because otherwise
/// Postgres reads every leaf. A restored database may be behind its own watermark.
const UNSEALED: &str = r"
    SELECT count(*) AS records,
        coalesce(extract(epoch FROM $1 - min(e.occurred_at)), 0)::float8 AS seconds
    FROM (
        SELECT id, occurred_at
        FROM mainstay.audit_events
        WHERE transaction_id >= least(
            coalesce(
                (SELECT watermark FROM mainstay.audit_checkpoints ORDER BY size DESC LIMIT 1),
                '0'::xid8
            ),
            pg_snapshot_xmin(pg_current_snapshot())
        )
        ORDER BY transaction_id, id
        LIMIT 10000
    ) e
    WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
";

/// The unsealed records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// Number of records, up to ten thousand.
    pub records: u64,
    /// Age of the oldest one by the database's clock; zero if there is none.
    pub oldest: Duration,
}

#[derive(FromRow)]
struct Counted {
    records: i64,
    seconds: f64,
}

/// Counts the unsealed records.
///
/// # Errors
/// The error of the database.
pub async fn unsealed(database: &Database) -> Result<Unsealed, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "look_for_unsealed_records",
        address: None,
    };

    let sql = Sql::unlimited(LOG, database, origin, None);

    let now = database.now().await?.inner();
    let counted: Vec<Counted> = sql
        .query("audit_events.unsealed", UNSEALED, [now.into()])
        .await?;
    let counted = counted.first().ok_or(Error::NotFound)?;

    Ok(Unsealed {
        records: counted.records.cast_unsigned(),
        oldest: Duration::try_from_secs_f64(counted.seconds).unwrap_or_default(),
    })
}
