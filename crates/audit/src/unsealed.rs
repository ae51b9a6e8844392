//! What waits for its seal, as every process sees it: the sealer that should have sealed it may be stuck, or hold the lock
//! and do nothing.

use std::time::Duration;

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};

/// Records without a leaf behind the newest checkpoint, ten thousand at most: without an end Postgres would read every leaf.
/// A restored database may be behind its own watermark.
const UNSEALED: &str = r"
    SELECT count(*), coalesce(extract(epoch FROM $1 - min(e.occurred_at)), 0)::float8
    FROM (
        SELECT id, occurred_at
        FROM mainstay.audit_events
        WHERE transaction_id >= least(
            coalesce(
                (SELECT watermark FROM mainstay.audit_checkpoints ORDER BY size DESC LIMIT 1),
                '0'::xid8
            ), pg_snapshot_xmin(pg_current_snapshot())
        )
        ORDER BY transaction_id, id
        LIMIT 10000
    ) e
    WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
";

/// Records that wait for their seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// How many, up to ten thousand.
    pub records: u64,
    /// How old the oldest of them is, by the database's clock; nothing where there is none.
    pub oldest: Duration,
}

/// Looks what waits for its seal.
///
/// # Errors
/// As the database answers.
pub async fn unsealed(database: &Database) -> Result<Unsealed, Error> {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "look_for_unsealed_records",
        address: None,
    };

    let unscoped = Unscoped::because(
        "the seal is over every organization's records",
        database,
        origin,
        None,
    );

    let now = database.now().await?.inner();
    let rows = unscoped
        .select("audit_events.unsealed", UNSEALED, [now.into()])
        .await?;
    let row = rows.first().ok_or(Error::NotFound)?;
    let (records, seconds): (i64, f64) = (row.get(0)?, row.get(1)?);

    let oldest = Duration::try_from_secs_f64(seconds).unwrap_or_default();

    Ok(Unsealed {
        records: records.cast_unsigned(),
        oldest,
    })
}
