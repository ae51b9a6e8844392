//! Maintenance of the log: creates partitions and deletes old checkpoints.

use std::time::Duration;

use mainstay_database::{Database, Error, Origin, Row, Sql, Uuid};
use mainstay_jobs::Periodic;

use crate::unlimited::LOG;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// The periodic tasks of the audit log: create partitions for the coming months, and delete
/// redundant checkpoints.
pub fn upkeep() -> [Periodic; 2] {
    [
        Periodic::new("audit.partitions", DAY, |database| async move {
            create_partitions(&database).await
        }),
        Periodic::new("audit.checkpoints", HOUR, |database| async move {
            thin_checkpoints(&database).await.map(drop)
        }),
    ]
}

async fn create_partitions(database: &Database) -> Result<(), Error> {
    let sql = sql(database, "make_audit_partitions");
    let rows = sql
        .upkeep(
            "audit_events.make_partitions",
            "SELECT mainstay.make_audit_partitions()",
            [],
        )
        .await?;

    let missing = Row::read_first(&rows)?.unwrap_or(0_i64);

    if missing > 0 {
        tracing::warn!(
            missing,
            "audit records remain in the default partition; check the clocks"
        );
    }

    Ok(())
}

/// Deletes checkpoints that are superseded by a later one of the same hour or day, and returns
/// their number. The rule is a function in the schema.
///
/// # Errors
/// The error of the database.
pub async fn thin_checkpoints(database: &Database) -> Result<i64, Error> {
    let sql = sql(database, "thin_audit_checkpoints");
    let rows = sql
        .upkeep(
            "audit_checkpoints.thin",
            "SELECT mainstay.thin_audit_checkpoints()",
            [],
        )
        .await?;

    Ok(Row::read_first(&rows)?.unwrap_or(0))
}

fn sql(database: &Database, operation: &'static str) -> Sql {
    let origin = Origin {
        request: Uuid::nil(),
        operation,
        address: None,
    };
    Sql::unlimited(LOG, database, origin, None)
}
