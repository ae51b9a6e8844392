//! Reads the records to seal next.

use mainstay_database::{Error, FromRow, PostgresSession, Row, Uuid};

use crate::{
    AuditError,
    record::{FIELDS, JoinedRecord, Record, record_columns},
};

/// Maximum number of records per batch, which limits the size of the statement and the memory of a
/// leader that catches up.
const MAX_RECORDS: usize = 1_000;

/// The records after the transaction `$1` and the ID `$2`, ordered by transaction, and whether each
/// has a leaf. All their transactions have ended. Returns at least one row, because its first
/// column is always needed.
const TAKE: &str = concat!(
    r"
    SELECT s.xmin::text AS ended_before, l.index IS NOT NULL AS is_sealed,",
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

/// A record after a position, if there is one.
#[derive(FromRow)]
struct TakenRecord {
    /// All transactions before this one have ended.
    ended_before: String,
    is_sealed: bool,
    #[from_row(flatten)]
    record: JoinedRecord,
}

/// A position in the log: it covers all earlier transactions, and the IDs of this transaction up to
/// `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(super) transaction: u64,
    pub(super) id: Uuid,
}

/// The records after a [`Position`].
pub(super) struct Batch {
    /// The records without a leaf.
    pub(super) records: Vec<Record>,
    /// The position after these records.
    pub(super) next: Position,
    /// Whether there may be more records.
    pub(super) is_full: bool,
}

impl Position {
    /// The position before all records of `transaction`.
    pub(super) fn before(transaction: u64) -> Self {
        Self {
            transaction,
            id: Uuid::nil(),
        }
    }

    /// The position after all transactions that have ended.
    pub(crate) async fn now(session: &mut PostgresSession) -> Result<Self, AuditError> {
        let rows = session.run("audit_events.beginning", BEGINNING, []).await?;
        let text: String = Row::read_first(&rows)?.ok_or(AuditError::Database(Error::NotFound))?;
        Ok(Self::before(transaction(&text)?))
    }
}

/// Reads the next batch after `position`.
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

/// Reads the records after `position`, and whether each is sealed. Also returns the next position,
/// and whether there may be more records.
pub(crate) async fn read(
    session: &mut PostgresSession,
    position: Position,
) -> Result<(Vec<(Record, bool)>, Position, bool), AuditError> {
    let values = [position.transaction.to_string().into(), position.id.into()];
    let rows = session.run("audit_events.take", TAKE, values).await?;

    let mut records = Vec::with_capacity(rows.len());
    let mut next = position;

    for taken in Row::read_all::<TakenRecord>(&rows)? {
        next = Position::before(transaction(&taken.ended_before)?);
        if let Some(record) = taken.record.0 {
            records.push((record, taken.is_sealed));
        }
    }

    let is_full = records.len() == MAX_RECORDS;
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

    // The position only moves forward, except after a restore, when the cluster may count
    // transactions from a lower number.
    Ok((records, next, is_full))
}

pub(super) fn transaction(text: &str) -> Result<u64, AuditError> {
    text.parse().map_err(|_| {
        AuditError::Database(Error::Internal("a transaction ID is not a number".into()))
    })
}
