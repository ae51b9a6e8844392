use std::time::Duration;

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};
use mainstay_jobs::Periodic;

const EVERY: Duration = Duration::from_secs(86_400);

/// The upkeep of this room, for the worker: the log has a partition for each of the coming months.
pub fn upkeep() -> Periodic {
    Periodic::new("audit.partitions", EVERY, |database| async move { make_partitions(&database).await })
}

async fn make_partitions(database: &Database) -> Result<(), Error> {
    let origin = Origin { request: Uuid::nil(), operation: "make_audit_partitions", address: None };
    let unscoped = Unscoped::because("the log's partitions belong to no organization", database, origin, None);
    let rows = unscoped.upkeep("audit_events.make_partitions", "SELECT make_audit_partitions()", []).await?;
    let missing: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
    if missing > 0 {
        tracing::warn!(missing, "months of the audit log stay in its default partition: a clock was wrong");
    }
    Ok(())
}
