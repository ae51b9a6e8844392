//! The leader: the process that seals while its connection holds the lock.

use std::time::{Duration, Instant};

use mainstay_database::{Database, Error, FromRow, Origin, PostgresSession, Row, Sql, Value};
use tokio::sync::watch;

use super::{
    batch::{Position, take, transaction},
    patrol::Patrol,
};
use crate::{
    AuditError,
    checkpoint::Checkpoint,
    keys::Keys,
    publish::SealedCheckpoint,
    record::Record,
    tree::{Frontier, Hash},
    unlimited::LOG,
};

/// Minimum time between checkpoints, unless a full batch is waiting. Checkpoints over few records
/// would take more space than the records.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2);

/// How often the leader looks for new keys.
const KEY_REFRESH_INTERVAL: Duration = Duration::from_secs(15);

const NEWEST: &str = r"
    SELECT size, root, frontier, note, watermark::text AS watermark
    FROM mainstay.audit_checkpoints
    ORDER BY size DESC
    LIMIT 1
";

/// Inserts the leaves and the checkpoint over them. Fails as a whole if another leader has inserted
/// one of the leaves.
const SEAL: &str = r"
    WITH leaves AS (
        INSERT INTO mainstay.audit_leaves (index, event_id, hash)
        SELECT *
        FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])
    )
    INSERT INTO mainstay.audit_checkpoints (size, root, frontier, note, watermark, sealed_at)
    VALUES ($4, $5, $6, $7, $8::text::xid8, $9)
";

#[derive(FromRow)]
struct NewestCheckpoint {
    size: i64,
    root: Vec<u8>,
    frontier: Vec<u8>,
    note: String,
    watermark: String,
}

/// The leader: seals as long as its connection holds the lock.
pub(super) struct Leader<'a> {
    database: &'a Database,
    session: PostgresSession,
    keys: Keys,
    frontier: Frontier,
    position: Position,
    patrol: Patrol,
    keys_read: Instant,
    /// When this leader signed its last checkpoint.
    signed: Option<Instant>,
    sealed: &'a watch::Sender<Option<SealedCheckpoint>>,
}

impl<'a> Leader<'a> {
    /// Continues from the newest checkpoint, which must be signed by one of the log's keys.
    pub(super) async fn new(
        database: &'a Database,
        mut session: PostgresSession,
        origin: &str,
        sealed: &'a watch::Sender<Option<SealedCheckpoint>>,
    ) -> Result<Self, AuditError> {
        let request = database.runtime().new_id::<Origin>().uuid();
        let from = Origin {
            request,
            operation: "seal_audit_log",
            address: None,
        };

        let sql = Sql::unlimited(LOG, database, from, None);

        let keys = Keys::ensure(&sql, origin).await?;
        let now = Position::now(&mut session).await?;

        let rows = session.run("audit_checkpoints.newest", NEWEST, []).await?;
        let (frontier, position) = match Row::read_first::<NewestCheckpoint>(&rows)? {
            None => (Frontier::default(), Position::before(0)),
            Some(newest) => {
                let frontier = newest.verify(&keys)?;
                announce(sealed, frontier.size(), newest.note);
                // A restored database may be behind its own watermark. The patrol finds the records
                // in between.
                let watermark = transaction(&newest.watermark)?;
                (frontier, Position::before(watermark.min(now.transaction)))
            }
        };

        tracing::info!(
            size = frontier.size(),
            "became leader of the audit log's sealing"
        );

        Ok(Self {
            database,
            session,
            keys,
            frontier,
            position,
            patrol: Patrol::begin(),
            keys_read: Instant::now(),
            signed: None,
            sealed,
        })
    }

    pub(super) fn into_session(self) -> PostgresSession {
        self.session
    }

    /// Makes the next round seal without waiting for the checkpoint interval. Used for the last
    /// rounds.
    pub(super) fn hurry(&mut self) {
        self.signed = None;
    }

    /// Seals one batch, unless a checkpoint was signed just before. Returns whether there may be
    /// more records.
    pub(super) async fn round(&mut self) -> Result<bool, AuditError> {
        // Detects a dead connection sooner than the statement timeout does.
        self.session.ping().await?;

        let batch = take(&mut self.session, self.position).await?;
        if !batch.is_full
            && self
                .signed
                .is_some_and(|when| when.elapsed() < CHECKPOINT_INTERVAL)
        {
            self.refresh_keys().await?;
            return Ok(false);
        }

        self.seal(&batch.records, batch.next).await?;
        self.position = batch.next;

        let missed = self.patrol.step(&mut self.session, self.position).await?;
        if !missed.is_empty() {
            tracing::warn!(
                records = missed.len(),
                "sealing audit records that were missed earlier"
            );
            self.seal(&missed, batch.next).await?;
        }

        self.refresh_keys().await?;

        Ok(batch.is_full || !missed.is_empty())
    }

    async fn seal(&mut self, records: &[Record], next: Position) -> Result<(), AuditError> {
        if records.is_empty() {
            return Ok(());
        }

        let started = Instant::now();
        let leaves: Vec<Hash> = records.iter().map(Record::leaf).collect();
        let mut frontier = self.frontier.clone();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let note = self.keys.signer()?.sign(frontier.size(), frontier.root());

        let indexes: Vec<i64> = (self.frontier.size()..frontier.size())
            .map(u64::cast_signed)
            .collect();
        let ids = records
            .iter()
            .map(|record| record.id().parse())
            .collect::<Result<Vec<mainstay_database::Uuid>, _>>();

        let values: [Value; 9] = [
            indexes.into(),
            ids.map_err(|error| Error::Internal(error.into()))?.into(),
            leaves
                .iter()
                .map(|leaf| leaf.to_vec())
                .collect::<Vec<_>>()
                .into(),
            frontier.size().cast_signed().into(),
            frontier.root().to_vec().into(),
            frontier.to_bytes().into(),
            note.clone().into(),
            next.transaction.to_string().into(),
            self.database.runtime().clock.now().inner().into(),
        ];

        self.session
            .run("audit_checkpoints.seal", SEAL, values)
            .await?;

        self.frontier = frontier;
        self.signed = Some(Instant::now());
        announce(self.sealed, self.frontier.size(), note);

        metrics::gauge!("audit_sealed_records").set(self.frontier.size() as f64);
        metrics::histogram!("audit_seal_duration_seconds").record(started.elapsed().as_secs_f64());

        Ok(())
    }

    /// Reads the keys again from time to time, because a new key signs from now on.
    async fn refresh_keys(&mut self) -> Result<(), AuditError> {
        if self.keys_read.elapsed() < KEY_REFRESH_INTERVAL {
            return Ok(());
        }

        self.keys = Keys::read(&mut self.session, self.database.ring()).await?;
        self.keys_read = Instant::now();

        Ok(())
    }
}

impl NewestCheckpoint {
    /// Verifies the checkpoint and returns its frontier.
    fn verify(&self, keys: &Keys) -> Result<Frontier, AuditError> {
        let checkpoint = Checkpoint::verify(&self.note, &keys.public())?;
        let frontier = Frontier::from_bytes(self.size.cast_unsigned(), &self.frontier);

        frontier
            .filter(|frontier| {
                (checkpoint.size, checkpoint.root) == (frontier.size(), frontier.root())
                    && self.root == checkpoint.root
            })
            .ok_or(AuditError::Key("the newest checkpoint was altered"))
    }
}

fn announce(sealed: &watch::Sender<Option<SealedCheckpoint>>, size: u64, note: String) {
    sealed.send_modify(|newest| {
        let number = newest.as_ref().map_or(0, |sealed| sealed.number) + 1;
        *newest = Some(SealedCheckpoint { number, size, note });
    });
}
