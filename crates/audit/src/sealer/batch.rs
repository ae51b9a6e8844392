//! The records that are to be sealed next.

use mainstay_database::{Error, PostgresSession, Uuid};

use crate::{
    AuditError,
    record::{FIELDS, Record, record_columns},
};

/// How many records are sealed at once. It bounds the statement and the memory of a leader that has much to catch up with.
const MOST: usize = 1_000;

/// The records behind `$1` (a transaction) and `$2` (an id) whose transactions have all ended, those of earlier
/// transactions first, and whether each has a leaf. At least one row comes, for the sake of its first column.
const TAKE: &str = concat!(
    "SELECT s.xmin::text, l.index IS NOT NULL, ",
    record_columns!(),
    r"
        FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) s
        LEFT JOIN LATERAL (
            SELECT *
            FROM mainstay.audit_events
            WHERE (transaction_id, id) > ($1::text::xid8, $2)
              AND transaction_id < s.xmin
            ORDER BY transaction_id, id
            LIMIT 1000
        ) e ON true
        LEFT JOIN mainstay.audit_leaves l ON l.event_id = e.id
        ORDER BY e.transaction_id, e.id
    "
);

const BEGINNING: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";

/// How far the log was looked at: whatever earlier transactions have written, and of the transaction itself the ids up to
/// this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(super) transaction: u64,
    pub(super) id: Uuid,
}

/// What was found behind a [`Position`].
pub(super) struct Batch {
    /// Those that have no leaf yet.
    pub(super) records: Vec<Record>,
    /// Where to go on.
    pub(super) next: Position,
    /// Whether more may be there.
    pub(super) is_full: bool,
}

impl Position {
    /// Before everything that `transaction` and those after it have written.
    pub(super) fn before(transaction: u64) -> Self {
        Self {
            transaction,
            id: Uuid::nil(),
        }
    }

    /// Behind everything whose transactions have all ended.
    pub(crate) async fn now(session: &mut PostgresSession) -> Result<Self, AuditError> {
        let rows = session.run("audit_events.beginning", BEGINNING, []).await?;
        let text: String = rows
            .first()
            .ok_or(AuditError::Database(Error::NotFound))?
            .get(0)?;
        Ok(Self::before(transaction(&text)?))
    }
}

/// Takes the next batch behind `position`.
pub(super) async fn take(
    session: &mut PostgresSession,
    position: Position,
) -> Result<Batch, AuditError> {
    let (records, next, is_full) = read(session, position).await?;
    let records = records
        .into_iter()
        .filter(|(_, is_sealed)| !is_sealed)
        .map(|(record, _)| record)
        .collect();
    Ok(Batch {
        records,
        next,
        is_full,
    })
}

/// The records behind `position`, each with whether it is sealed; where to go on, and whether more may be there.
pub(crate) async fn read(
    session: &mut PostgresSession,
    position: Position,
) -> Result<(Vec<(Record, bool)>, Position, bool), AuditError> {
    let values = [position.transaction.to_string().into(), position.id.into()];
    let rows = session.run("audit_events.take", TAKE, values).await?;
    let mut records = Vec::with_capacity(rows.len());
    let mut next = position;

    for row in &rows {
        next = Position::before(transaction(&row.get::<String>(0)?)?);
        if let Some(record) = Record::read(row, 2)? {
            records.push((record, row.get(1)?));
        }
    }

    let is_full = records.len() == MOST;
    if let (true, Some((last, _))) = (is_full, records.last()) {
        let id = last
            .id()
            .parse::<Uuid>()
            .map_err(|error| Error::Internal(error.into()))?;
        next = Position {
            transaction: transaction(last.get(FIELDS[13]).unwrap_or_default())?,
            id,
        };
    }

    // A database that was restored counts transactions from lower numbers on; there is no way back within one.
    Ok((records, next, is_full))
}

pub(super) fn transaction(text: &str) -> Result<u64, AuditError> {
    text.parse()
        .map_err(|_| AuditError::Database(Error::Internal("a transaction has no number".into())))
}
