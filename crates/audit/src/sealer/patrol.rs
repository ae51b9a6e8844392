//! The patrol: it walks the whole log, a piece each round, and finds records that have no leaf.
//!
//! In the ordinary course there are none. But a cluster that a dump was restored into counts its transactions anew: what was
//! not sealed when the dump was made has a number that tells nothing there.

use std::time::{Duration, Instant};

use mainstay_database::{PostgresSession, Uuid};

use super::Position;
use crate::{
    AuditError,
    record::{Record, record_columns},
};

/// How long one walk is from the next.
const EVERY: Duration = Duration::from_secs(86_400);

/// The next piece of the log behind the id `$1`: its last id, and those of its records that no leaf has and that the sealer
/// has passed: their transaction came before `$2`, up to which it has looked. Those that were committed since are its next
/// batch. A transaction that the cluster has not come to yet was another cluster's, and has ended too: its record would not
/// be seen otherwise.
const FORGOTTEN: &str = concat!(
    r"
        WITH piece AS MATERIALIZED (
            SELECT id, transaction_id
            FROM mainstay.audit_events
            WHERE id > $1
            ORDER BY id
            LIMIT 2000
        )
        SELECT last.id,
    ",
    record_columns!(),
    r"
        FROM (SELECT id FROM piece ORDER BY id DESC LIMIT 1) last
        LEFT JOIN LATERAL (
            SELECT found.*
            FROM piece p
            JOIN mainstay.audit_events found ON found.id = p.id
            WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = p.id)
              AND (
                  p.transaction_id < $2::text::xid8
                  OR p.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
              )
            ORDER BY p.id
            LIMIT 1000
        ) e ON true
    "
);

pub(super) struct Patrol {
    /// How far it is; none while it rests.
    behind: Option<Uuid>,
    began: Instant,
}

impl Patrol {
    /// One that sets out.
    pub(super) fn begin() -> Self {
        Self {
            behind: Some(Uuid::nil()),
            began: Instant::now(),
        }
    }

    /// Looks at the next piece and gives the forgotten records in it; `passed` is where the sealer goes on.
    pub(super) async fn step(
        &mut self,
        session: &mut PostgresSession,
        passed: Position,
    ) -> Result<Vec<Record>, AuditError> {
        let Some(behind) = self.behind else {
            if self.began.elapsed() > EVERY {
                *self = Self::begin();
            }
            return Ok(Vec::new());
        };

        let rows = session
            .run(
                "audit_events.forgotten",
                FORGOTTEN,
                [behind.into(), passed.transaction.to_string().into()],
            )
            .await?;

        let mut records = Vec::new();
        for row in &rows {
            records.extend(Record::read(row, 1)?);
        }

        // Where records were forgotten the piece is looked at once more, since there may be more of them.
        if records.is_empty() {
            self.behind = rows.first().map(|row| row.get(0)).transpose()?;
        }

        Ok(records)
    }
}
