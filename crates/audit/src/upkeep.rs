//! Upkeep of the log: its partitions and its old checkpoints.

use std::time::Duration;

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};
use mainstay_jobs::Periodic;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// The upkeep of this room, for the worker: the log has a partition for each of the coming months, and checkpoints that
/// later ones replace are gone.
pub fn upkeep() -> [Periodic; 2] {
    [
        Periodic::new("audit.partitions", DAY, |database| async move {
            make_partitions(&database).await
        }),
        Periodic::new("audit.checkpoints", HOUR, |database| async move {
            thin_checkpoints(&database).await.map(drop)
        }),
    ]
}

async fn make_partitions(database: &Database) -> Result<(), Error> {
    let unscoped = unscoped(database, "make_audit_partitions");
    let rows = unscoped
        .upkeep(
            "audit_events.make_partitions",
            "SELECT mainstay.make_audit_partitions()",
            [],
        )
        .await?;

    let missing: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;

    if missing > 0 {
        tracing::warn!(
            missing,
            "months of the audit log stay in its default partition: a clock was wrong"
        );
    }

    Ok(())
}

/// Deletes checkpoints that later ones of the same hour or day replace, and gives their number. The schema has the rule.
///
/// # Errors
/// As the database answers.
pub async fn thin_checkpoints(database: &Database) -> Result<i64, Error> {
    let unscoped = unscoped(database, "thin_audit_checkpoints");
    let rows = unscoped
        .upkeep(
            "audit_checkpoints.thin",
            "SELECT mainstay.thin_audit_checkpoints()",
            [],
        )
        .await?;

    rows.first().map_or(Ok(0), |row| row.get(0))
}

fn unscoped(database: &Database, operation: &'static str) -> Unscoped {
    let origin = Origin {
        request: Uuid::nil(),
        operation,
        address: None,
    };
    Unscoped::because(
        "the log and its seal belong to no organization",
        database,
        origin,
        None,
    )
}
