//! Export of the log as lines of JSON (NDJSON): records with inclusion proofs, and the signed
//! checkpoint that they prove against.
//!
//! ```text
//! {"export":1,"from":0,"until":2,"checkpoint":"api.example.org/audit\n2\n…"}
//! {"index":0,"record":{…},"leaf":"…","proof":["…"]}
//! {"index":1,"record":{…},"leaf":"…","proof":["…"]}
//! {"consistency":{"size":1,"proof":["…"]}}
//! {"checkpoint":"api.example.org/audit\n2\n…"}
//! ```

use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay_database::{Error, FromRow, PostgresSession, Row};
use mainstay_kernel::Timestamp;
use serde_json::json;

use crate::{
    AuditError, Finding,
    checkpoint::Checkpoint,
    record::{EXPORT_FORMAT, JoinedRecord, first_id_of, record_columns},
    tree::{Hash, Levels, consistency_proof, inclusion_proof},
    verify::Outside,
};

/// Height of a page in the tree. Each page but the last is a full subtree.
const PAGE_HEIGHT: u32 = 10;
const PAGE: u64 = 1 << PAGE_HEIGHT;

const NEWEST: &str = r"
    SELECT note
    FROM mainstay.audit_checkpoints
    ORDER BY size DESC
    LIMIT 1
";

/// The first and last leaf of the records between two IDs. Records of overlapping transactions may
/// be sealed in another order than that of their IDs.
const RANGE: &str = r"
    SELECT min(index) AS first, max(index) AS last
    FROM mainstay.audit_leaves
    WHERE ($1::uuid IS NULL OR event_id >= $1)
      AND ($2::uuid IS NULL OR event_id < $2)
      AND index < $3
";

const HASHES: &str = r"
    SELECT index, hash
    FROM mainstay.audit_leaves
    WHERE index >= $1 AND index < $2
    ORDER BY index
";

const RECORDS: &str = concat!(
    r"
    SELECT l.index, l.event_id::text AS event_id,",
    record_columns!(),
    r"
    FROM mainstay.audit_leaves l
    LEFT JOIN mainstay.audit_events e ON e.id = l.event_id
    WHERE l.index >= $1 AND l.index < $2
    ORDER BY l.index
"
);

/// The indexes of the first and last leaf, if there are any.
#[derive(FromRow)]
struct Bounds {
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(FromRow)]
struct StoredHash {
    index: i64,
    hash: Vec<u8>,
}

#[derive(FromRow)]
struct SealedRecord {
    index: i64,
    event_id: String,
    #[from_row(flatten)]
    record: JoinedRecord,
}

/// Which records to export.
#[derive(Default)]
pub struct Extent<'a> {
    /// Export records from this time on.
    pub from: Option<Timestamp>,
    /// Export records before this time.
    pub until: Option<Timestamp>,
    /// External checkpoints that the export proves consistency with.
    pub outside: Option<&'a Outside>,
}

/// Writes the records of `extent` to `output`, with those sealed between them, and returns their
/// number.
///
/// Memory is proportional to a thousandth of the log, because only the roots of pages are kept.
///
/// # Errors
/// [`AuditError`]. The output is then incomplete and does not verify.
pub async fn export_log(
    session: &mut PostgresSession,
    extent: &Extent<'_>,
    output: &mut (impl Write + Send),
) -> Result<u64, AuditError> {
    let rows = session.run("audit_checkpoints.newest", NEWEST, []).await?;
    let note: String = Row::read_first(&rows)?.ok_or(AuditError::Key(
        "the log has no checkpoint: nothing is sealed yet",
    ))?;

    let size = Checkpoint::parse(&note)?.size;
    let (from, until) = range(session, extent, size).await?;
    let tops = tops(session, size).await?;

    line(
        output,
        &json!({ "export": EXPORT_FORMAT, "from": from, "until": until, "checkpoint": note }),
    )?;

    let mut start = from / PAGE * PAGE;
    while start < until {
        let end = (start + PAGE).min(size);
        let page = page(session, start, end).await?;
        let values = [
            start.max(from).cast_signed().into(),
            end.min(until).cast_signed().into(),
        ];

        let rows = session.run("audit_leaves.records", RECORDS, values).await?;
        for sealed in Row::read_all::<SealedRecord>(&rows)? {
            let index = sealed.index.cast_unsigned();
            let record = sealed.record.0.ok_or(Finding::NoRecord {
                index,
                id: sealed.event_id,
            })?;
            let subtrees = |height, place| tops.get(height, place, Some((&page, start)));

            let proof = inclusion_proof(index, size, &subtrees).ok_or(Finding::NoLeaf(index))?;
            let leaf = STANDARD.encode(record.leaf());
            let proof: Vec<_> = proof.iter().map(|hash| STANDARD.encode(hash)).collect();

            line(
                output,
                &json!({ "index": index, "record": record.to_json(), "leaf": leaf, "proof": proof }),
            )?;
        }

        start = end;
    }

    for outside in extent
        .outside
        .iter()
        .flat_map(|outside| outside.checkpoints())
    {
        let cut = || Finding::Cut {
            size,
            outside: outside.size,
        };

        if outside.size > size {
            return Err(cut().into());
        }

        let page_start = outside.size / PAGE * PAGE;
        let page = page(session, page_start, (page_start + PAGE).min(size)).await?;
        let subtrees = |height, place| tops.get(height, place, Some((&page, page_start)));
        let proof = consistency_proof(outside.size, size, &subtrees).ok_or_else(cut)?;
        let proof: Vec<_> = proof.iter().map(|hash| STANDARD.encode(hash)).collect();

        line(
            output,
            &json!({ "consistency": { "size": outside.size, "proof": proof } }),
        )?;
    }

    line(output, &json!({ "checkpoint": note }))?;
    output.flush()?;

    Ok(until - from)
}

/// The range of leaf indexes in the extent.
async fn range(
    session: &mut PostgresSession,
    extent: &Extent<'_>,
    size: u64,
) -> Result<(u64, u64), AuditError> {
    if extent.from.is_none() && extent.until.is_none() {
        return Ok((0, size));
    }

    let values = [
        extent.from.map(first_id_of).into(),
        extent.until.map(first_id_of).into(),
        size.cast_signed().into(),
    ];

    let rows = session.run("audit_leaves.range", RANGE, values).await?;
    let bounds: Bounds = Row::read_first(&rows)?.ok_or(AuditError::Database(Error::NotFound))?;

    Ok(match (bounds.first, bounds.last) {
        (Some(first), Some(last)) => (first.cast_unsigned(), last.cast_unsigned() + 1),
        _ => (0, 0),
    })
}

/// The tree above the pages, and the last page if it is not full.
struct Tops {
    above: Levels,
    rest: Levels,
    rest_start: u64,
}

impl Tops {
    /// The root of a full subtree: above the pages, in the given page, or in the last page.
    fn get(&self, height: u32, place: u64, page: Option<(&Levels, u64)>) -> Option<Hash> {
        if let Some(above) = height.checked_sub(PAGE_HEIGHT) {
            return self.above.get(above, place);
        }

        let within =
            |levels: &Levels, start: u64| levels.get(height, place.checked_sub(start >> height)?);
        let from_page = page.and_then(|(levels, start)| within(levels, start));

        from_page.or_else(|| within(&self.rest, self.rest_start))
    }
}

async fn tops(session: &mut PostgresSession, size: u64) -> Result<Tops, AuditError> {
    let mut tops = Tops {
        above: Levels::default(),
        rest: Levels::default(),
        rest_start: size / PAGE * PAGE,
    };

    for start in (0..size).step_by(1 << PAGE_HEIGHT) {
        let page = page(session, start, (start + PAGE).min(size)).await?;
        match page.get(PAGE_HEIGHT, 0) {
            Some(root) => tops.above.push(root),
            None => tops.rest = page,
        }
    }

    Ok(tops)
}

/// Reads the leaves of one page and computes their subtrees.
async fn page(session: &mut PostgresSession, start: u64, end: u64) -> Result<Levels, AuditError> {
    let mut levels = Levels::default();
    let values = [start.cast_signed().into(), end.cast_signed().into()];
    let rows = session.run("audit_leaves.hashes", HASHES, values).await?;
    for stored in Row::read_all::<StoredHash>(&rows)? {
        let index = start + levels.len() as u64;
        let hash = stored.hash.try_into().map_err(|_| Finding::NoLeaf(index))?;
        if stored.index.cast_unsigned() != index {
            return Err(Finding::NoLeaf(index).into());
        }
        levels.push(hash);
    }

    if start + (levels.len() as u64) < end {
        Err(Finding::NoLeaf(start + levels.len() as u64).into())
    } else {
        Ok(levels)
    }
}

fn line(output: &mut impl Write, value: &serde_json::Value) -> io::Result<()> {
    writeln!(output, "{value}")
}
