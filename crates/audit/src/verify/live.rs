//! Verifies the log of a live database.

use mainstay_database::{Error, PostgresSession, Row};
use mainstay_kernel::Timestamp;

use super::{
    dates::Dates,
    finding::{Finding, Summary, WhyUnsealed},
    outside::Outside,
    verifier::{Leaf, StoredCheckpoint, Verifier},
};
use crate::{
    AuditError,
    note_key::NoteKey,
    record::{Record, record_columns},
};

const NEWEST: &str = r"
    SELECT size, root, frontier, note
    FROM mainstay.audit_checkpoints
    ORDER BY size DESC
    LIMIT 1
";

const LEAVES: &str = concat!(
    r"
    SELECT l.index, l.event_id, l.hash,",
    record_columns!(),
    r"
    FROM (
        SELECT *
        FROM mainstay.audit_leaves
        WHERE index >= $1 AND index < $2
        ORDER BY index
        LIMIT 1000
    ) l
    LEFT JOIN mainstay.audit_events e ON e.id = l.event_id
    ORDER BY l.index
"
);

const CHECKPOINTS: &str = r"
    SELECT size, root, frontier, note
    FROM mainstay.audit_checkpoints
    WHERE size > $1 AND size <= $2
    ORDER BY size
";

/// Both numbers come from one snapshot, in which a concurrent sealer has added both or neither.
const EXTENT: &str = r"
    SELECT coalesce((SELECT max(size) FROM mainstay.audit_checkpoints), 0),
        coalesce((SELECT max(index) + 1 FROM mainstay.audit_leaves), 0)
";

/// A record without a leaf; whether its transaction ID is unknown to this cluster, or the cluster
/// is behind the watermark; and whether the sealer has passed it.
const UNSEALED: &str = r"
    SELECT e.id::text, e.occurred_at::text,
        e.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
            OR seal.watermark > pg_snapshot_xmax(pg_current_snapshot()),
        e.transaction_id < seal.watermark
    FROM mainstay.audit_events e
    CROSS JOIN (
        SELECT coalesce((SELECT watermark FROM mainstay.audit_checkpoints ORDER BY size DESC LIMIT 1), '0'::xid8)
            AS watermark
    ) seal
    WHERE e.occurred_at < $1
      AND NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
    LIMIT 1
";

/// What to verify the log against.
pub struct Terms<'a> {
    /// The trusted keys.
    pub keys: &'a [NoteKey],
    /// External checkpoints.
    pub outside: &'a Outside,
    /// Records before this time were exported and detached, so that only their leaves are left.
    pub kept_since: Option<Timestamp>,
    /// Records before this time must be sealed.
    pub sealed_before: Timestamp,
    /// From this index on, the times of records must match their order.
    pub dated_from: u64,
}

/// Verifies the log of a database, in one pass.
///
/// # Errors
/// [`AuditError::Found`] with the first problem.
pub async fn verify_log(
    session: &mut PostgresSession,
    terms: &Terms<'_>,
) -> Result<Summary, AuditError> {
    let newest = session.run("audit_checkpoints.newest", NEWEST, []).await?;
    let Some(newest) = newest.first().map(checkpoint).transpose()? else {
        return Err(no_checkpoint(terms.outside));
    };

    let mut verifier = Verifier::new(terms.keys, terms.outside, terms.kept_since);
    let mut dates = Dates::new(terms.dated_from);
    while verifier.size() < newest.size {
        page(session, &mut verifier, &mut dates, newest.size).await?;
    }
    let summary = verifier.finish(&newest)?;

    check_all_leaves_are_signed(session).await?;
    check_all_records_are_sealed(session, terms.sealed_before).await?;

    Ok(summary)
}

fn no_checkpoint(outside: &Outside) -> AuditError {
    let largest = outside
        .checkpoints()
        .iter()
        .map(|checkpoint| checkpoint.size)
        .max();

    match largest {
        Some(outside) => Finding::Cut { size: 0, outside }.into(),
        None => AuditError::Key("the log has no checkpoint: nothing is sealed yet"),
    }
}

async fn check_all_leaves_are_signed(session: &mut PostgresSession) -> Result<(), AuditError> {
    let rows = session.run("audit_checkpoints.extent", EXTENT, []).await?;
    let row = rows.first().ok_or(AuditError::Database(Error::NotFound))?;
    let size = row.get::<i64>(0)?.cast_unsigned();
    let leaves = row.get::<i64>(1)?.cast_unsigned();

    if size == leaves {
        Ok(())
    } else {
        Err(Finding::Unsigned { size, leaves }.into())
    }
}

async fn check_all_records_are_sealed(
    session: &mut PostgresSession,
    sealed_before: Timestamp,
) -> Result<(), AuditError> {
    let rows = session
        .run(
            "audit_events.unsealed",
            UNSEALED,
            [sealed_before.inner().into()],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };

    let why = match (row.get(2)?, row.get(3)?) {
        (true, _) => WhyUnsealed::Restored,
        (false, true) => WhyUnsealed::PassedOver,
        (false, false) => WhyUnsealed::NotYet,
    };
    let (id, occurred_at) = (row.get(0)?, row.get(1)?);

    Err(Finding::Unsealed {
        id,
        occurred_at,
        why,
    }
    .into())
}

/// Verifies the next leaves and the checkpoints over them.
async fn page(
    session: &mut PostgresSession,
    verifier: &mut Verifier<'_>,
    dates: &mut Dates,
    end: u64,
) -> Result<(), AuditError> {
    let start = verifier.size();
    let rows = session
        .run(
            "audit_leaves.page",
            LEAVES,
            [start.cast_signed().into(), end.cast_signed().into()],
        )
        .await?;

    let leaves = rows.iter().map(leaf).collect::<Result<Vec<_>, _>>()?;
    let Some(last) = leaves.last() else {
        return Err(Finding::NoLeaf(start).into());
    };

    let range = [
        start.cast_signed().into(),
        last.index.saturating_add(1).cast_signed().into(),
    ];
    let rows = session
        .run("audit_checkpoints.page", CHECKPOINTS, range)
        .await?;

    let mut checkpoints = rows
        .iter()
        .map(checkpoint)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .peekable();

    for leaf in &leaves {
        verifier.leaf(leaf)?;
        if let Some(record) = &leaf.record {
            dates.check(leaf.index, record)?;
        }
        while let Some(checkpoint) =
            checkpoints.next_if(|checkpoint| checkpoint.size <= verifier.size())
        {
            verifier.checkpoint(&checkpoint)?;
        }
    }

    Ok(())
}

fn leaf(row: &Row) -> Result<Leaf, Error> {
    Ok(Leaf {
        index: row.get::<i64>(0)?.cast_unsigned(),
        event_id: row.get(1)?,
        hash: row.get(2)?,
        record: Record::read(row, 3)?,
    })
}

fn checkpoint(row: &Row) -> Result<StoredCheckpoint, Error> {
    Ok(StoredCheckpoint {
        size: row.get::<i64>(0)?.cast_unsigned(),
        root: row.get(1)?,
        frontier: row.get(2)?,
        note: row.get(3)?,
    })
}
