//! The patrol: walks through the whole log, one chunk per round, and finds records without a leaf.
//!
//! Normally there are none. But a cluster restored from a dump starts counting transactions again,
//! so the transaction IDs of records that were unsealed in the dump mean nothing there.

use std::time::{Duration, Instant};

use mainstay_database::{FromRow, PostgresSession, Row, Uuid};

use super::Position;
use crate::{
    AuditError,
    record::{JoinedRecord, Record, record_columns},
};

/// Time between the starts of two walks.
const WALK_INTERVAL: Duration = Duration::from_secs(86_400);

/// The chunk of the log after the ID `$1`: its last ID, and its records that have no leaf although
/// the sealer has passed them. The sealer has passed transactions before `$2`; later ones are in
/// its next batch. A transaction ID that this cluster has not reached is from another cluster, so
/// that transaction has ended, too.
const MISSED: &str = concat!(
    r"
    WITH chunk AS MATERIALIZED (
        SELECT id, transaction_id
        FROM mainstay.audit_events
        WHERE id > $1
        ORDER BY id
        LIMIT 2000
    )
    SELECT last.id AS last_id,",
    record_columns!(),
    r"
    FROM (SELECT id FROM chunk ORDER BY id DESC LIMIT 1) last
    LEFT JOIN LATERAL (
        SELECT found.*
        FROM chunk c
        JOIN mainstay.audit_events found ON found.id = c.id
        WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = c.id)
          AND (
              c.transaction_id < $2::text::xid8
              OR c.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
          )
        ORDER BY c.id
        LIMIT 1000
    ) e ON true
"
);

/// A missed record of a chunk, if there is one.
#[derive(FromRow)]
struct MissedRecord {
    /// The last ID of the chunk.
    last_id: Uuid,
    #[from_row(flatten)]
    record: JoinedRecord,
}

pub(super) struct Patrol {
    /// The last ID of the previous chunk; `None` between two walks.
    after: Option<Uuid>,
    started: Instant,
}

impl Patrol {
    /// Starts a walk.
    pub(super) fn begin() -> Self {
        Self {
            after: Some(Uuid::nil()),
            started: Instant::now(),
        }
    }

    /// Checks the next chunk and returns its missed records; `passed` is the sealer's position.
    pub(super) async fn step(
        &mut self,
        session: &mut PostgresSession,
        passed: Position,
    ) -> Result<Vec<Record>, AuditError> {
        let Some(after) = self.after else {
            if self.started.elapsed() > WALK_INTERVAL {
                *self = Self::begin();
            }
            return Ok(Vec::new());
        };

        let rows = session
            .run(
                "audit_events.forgotten",
                MISSED,
                [after.into(), passed.transaction.to_string().into()],
            )
            .await?;

        let missed: Vec<MissedRecord> = Row::read_all(&rows)?;
        let last = missed.first().map(|missed| missed.last_id);
        let records: Vec<_> = missed
            .into_iter()
            .filter_map(|missed| missed.record.0)
            .collect();

        // After missed records, the chunk is checked again, because there may be more of them.
        if records.is_empty() {
            self.after = last;
        }

        Ok(records)
    }
}
