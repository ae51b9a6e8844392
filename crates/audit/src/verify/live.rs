//! Verifies the log of a live database.

use mainstay_database::{Error, FromRow, PostgresSession, Row, Uuid};
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
    record::{JoinedRecord, record_columns},
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
    SELECT coalesce((SELECT max(size) FROM mainstay.audit_checkpoints), 0) AS size,
        coalesce((SELECT max(index) + 1 FROM mainstay.audit_leaves), 0) AS leaves
";

/// A record without a leaf; whether its transaction ID is unknown to this cluster, or the cluster
/// is behind the watermark; and whether the sealer has passed it.
const UNSEALED: &str = r"
    SELECT e.id::text AS id, e.occurred_at::text AS occurred_at,
        e.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
            OR seal.watermark > pg_snapshot_xmax(pg_current_snapshot()) AS is_foreign,
        e.transaction_id < seal.watermark AS is_passed
    FROM mainstay.audit_events e
    CROSS JOIN (
        SELECT coalesce((SELECT watermark FROM mainstay.audit_checkpoints ORDER BY size DESC LIMIT 1), '0'::xid8)
            AS watermark
    ) seal
    WHERE e.occurred_at < $1
      AND NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
    LIMIT 1
";

#[derive(FromRow)]
struct SignedCheckpoint {
    size: i64,
    root: Vec<u8>,
    frontier: Vec<u8>,
    note: String,
}

#[derive(FromRow)]
struct SealedLeaf {
    index: i64,
    event_id: Uuid,
    hash: Vec<u8>,
    #[from_row(flatten)]
    record: JoinedRecord,
}

#[derive(FromRow)]
struct Extent {
    size: i64,
    leaves: i64,
}

#[derive(FromRow)]
struct Unsealed {
    id: String,
    occurred_at: String,
    is_foreign: bool,
    is_passed: bool,
}

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
    let Some(newest) = Row::read_first::<SignedCheckpoint>(&newest)? else {
        return Err(no_checkpoint(terms.outside));
    };

    let newest = StoredCheckpoint::from(newest);
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
    let extent: Extent = Row::read_first(&rows)?.ok_or(AuditError::Database(Error::NotFound))?;
    let (size, leaves) = (extent.size.cast_unsigned(), extent.leaves.cast_unsigned());

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
    let Some(unsealed) = Row::read_first::<Unsealed>(&rows)? else {
        return Ok(());
    };

    let why = match (unsealed.is_foreign, unsealed.is_passed) {
        (true, _) => WhyUnsealed::Restored,
        (false, true) => WhyUnsealed::PassedOver,
        (false, false) => WhyUnsealed::NotYet,
    };

    Err(Finding::Unsealed {
        id: unsealed.id,
        occurred_at: unsealed.occurred_at,
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

    let leaves: Vec<_> = Row::read_all::<SealedLeaf>(&rows)?
        .into_iter()
        .map(Leaf::from)
        .collect();
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

    let mut checkpoints = Row::read_all::<SignedCheckpoint>(&rows)?
        .into_iter()
        .map(StoredCheckpoint::from)
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

impl From<SealedLeaf> for Leaf {
    fn from(sealed: SealedLeaf) -> Self {
        Self {
            index: sealed.index.cast_unsigned(),
            event_id: sealed.event_id,
            hash: sealed.hash,
            record: sealed.record.0,
        }
    }
}

impl From<SignedCheckpoint> for StoredCheckpoint {
    fn from(signed: SignedCheckpoint) -> Self {
        Self {
            size: signed.size.cast_unsigned(),
            root: signed.root,
            frontier: signed.frontier,
            note: signed.note,
        }
    }
}
