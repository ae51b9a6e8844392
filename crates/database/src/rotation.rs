//! Moving what is sealed from one key to another while the service runs.
//!
//! Nothing remembers how far a rotation has come: what is left is what does not name the primary, so that one that was
//! killed goes on where it was. Rows are taken in small batches by their primary key. A batch never waits for a row that
//! somebody else is writing, and writes only where the old value still stands, so that a concurrent write wins; what it
//! passed over, the next pass takes. It runs as the owner of the schema: the serving role needs no right for it.

mod boxes;
mod data_keys;
mod holders;
mod indexes;
mod reseal;
mod status;

use std::{num::NonZeroU32, time::Duration};

use mainstay_crypto::{DataKey, KeyRing};
use mainstay_kernel::{Runtime, Timestamp, Uuid};
use sea_query::Value;
use tokio::time::Instant;

use crate::{
    Error, Event, KeyHolder, Origin, Owner, PrivateColumn, Row, SealedTable,
    audit::{COLUMNS, WIDTH, placeholders, record},
    statement::Statement,
};

pub use status::{KeyUse, Status, Usage, UsageKind};

/// How many rows a batch takes when nothing limits it: their locks are held for milliseconds.
const BATCH: u32 = 200;

/// How often a pass may find rows that others hold on to, and move none, before the rotation leaves them.
const IDLE_PASSES: u32 = 10;
const BETWEEN_IDLE_PASSES: Duration = Duration::from_millis(200);

/// The rotations, on a connection of the schema's owner.
pub struct Rotation {
    means: Means,
    tables: Vec<SealedTable>,
    boxes: Vec<PrivateColumn>,
    rate: Option<NonZeroU32>,
    progress: Box<dyn FnMut(Progress) + Send>,
}

/// What moving rows takes.
struct Means {
    owner: Owner,
    ring: KeyRing,
    runtime: Runtime,
    origin: Origin,
}

/// How far it has come with one table.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// Rows moved.
    pub done: u64,
    /// Rows that were left when it began.
    pub total: u64,
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows that stand under the primary now.
    pub moved: u64,
    /// Rows that do not open: altered, or under a key that is not on the ring. Rows of a unique value that another row has.
    pub refused: u64,
    /// Rows that somebody else was writing all the time.
    pub left: u64,
}

/// One kind of rows that are moved.
trait Mover {
    /// The table, for whoever watches.
    fn table(&self) -> &'static str;
    /// The number of rows that are left.
    async fn count(&self, means: &mut Means) -> Result<u64, Error>;
    /// Moves the next batch; `None` at the end of a pass.
    async fn batch(&mut self, means: &mut Means, size: u32) -> Result<Option<Batch>, Error>;
    /// Begins another pass.
    fn rewind(&mut self);
}

/// What became of a batch.
#[derive(Clone, Copy, Default)]
struct Batch {
    seen: usize,
    moved: usize,
    refused: usize,
}

impl Rotation {
    /// Stands ready. `tables` and `boxes` are all that is sealed; `command` is what the audit log calls what runs.
    pub fn new(
        owner: Owner,
        (ring, runtime): (KeyRing, Runtime),
        tables: Vec<SealedTable>,
        boxes: Vec<PrivateColumn>,
        command: &'static str,
    ) -> Self {
        let origin = Origin {
            request: runtime.new_id::<Origin>().uuid(),
            operation: command,
            address: None,
        };

        let tables = tables.into_iter().filter(SealedTable::is_sealed).collect();

        let means = Means {
            owner,
            ring,
            runtime,
            origin,
        };

        Self {
            means,
            tables,
            boxes,
            rate: None,
            progress: Box::new(|_| {}),
        }
    }

    /// Takes no more than this many rows a second.
    #[must_use]
    pub fn rate(mut self, rate: Option<NonZeroU32>) -> Self {
        self.rate = rate;
        self
    }

    /// Tells how far it is, after each batch.
    #[must_use]
    pub fn watched_by(mut self, progress: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// What stands under which key.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn status(&mut self) -> Result<Status, Error> {
        status::read(&mut self.means, &self.tables, &self.boxes).await
    }

    /// Wraps every data key, and seals every private box, under the primary.
    ///
    /// # Errors
    /// As the database answers; what was moved stays moved.
    pub async fn rotate_keys(&mut self) -> Result<Outcome, Error> {
        let mut outcome = self.drive(data_keys::DataKeys::default()).await?;
        for column in self.boxes.clone() {
            outcome += self.drive(boxes::Boxes::new(column)).await?;
        }
        self.record("data_key.rotated", "data_key", outcome).await?;
        Ok(outcome)
    }

    /// Makes every blind index under the primary, also those that were never made.
    ///
    /// # Errors
    /// As the database answers; what was moved stays moved.
    pub async fn rotate_indexes(&mut self) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        for table in self.tables.clone() {
            if !table.indexes.is_empty() {
                outcome += self.drive(indexes::Indexes::new(table)).await?;
            }
        }
        indexes::forget_departed(&mut self.means).await?;
        self.record("blind_index.rotated", "blind_index", outcome)
            .await?;
        Ok(outcome)
    }

    /// Gives each row that was sealed before `before` a data key of its own anew, and seals its values under it; with an
    /// account goes what other tables hold under its key.
    ///
    /// # Errors
    /// As the database answers; what was sealed anew stays so.
    pub async fn reseal(&mut self, before: Timestamp) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        for table in self
            .tables
            .clone()
            .into_iter()
            .filter(|table| table.key == KeyHolder::Row)
        {
            let dependants = holders::dependants(&table, &self.tables);
            outcome += if dependants.is_empty() {
                self.drive(reseal::Reseal::new(table, before)).await?
            } else {
                self.drive(holders::Holders::new(table, dependants, before))
                    .await?
            };
        }

        self.record("data_key.resealed", "data_key", outcome)
            .await?;

        Ok(outcome)
    }

    /// The connection, when nothing is left to do.
    pub fn into_owner(self) -> Owner {
        self.means.owner
    }

    /// The clock.
    pub fn runtime(&self) -> &Runtime {
        &self.means.runtime
    }

    async fn drive<M: Mover>(&mut self, mut mover: M) -> Result<Outcome, Error> {
        let total = mover.count(&mut self.means).await?;
        let size = self
            .rate
            .map_or(BATCH, |rate| (rate.get() / 4).clamp(1, BATCH));
        let (started, mut outcome, mut idle) = (Instant::now(), Outcome::default(), 0);
        let mut seen_in_all = 0;
        loop {
            let mut pass = Batch::default();
            while let Some(batch) = mover.batch(&mut self.means, size).await? {
                pass.seen += batch.seen;
                pass.moved += batch.moved;
                pass.refused += batch.refused;
                outcome.moved += batch.moved as u64;
                seen_in_all += batch.seen as u64;
                (self.progress)(Progress {
                    table: mover.table(),
                    done: outcome.moved,
                    total,
                });

                if let Some(rate) = self.rate {
                    tokio::time::sleep_until(
                        started + Duration::from_secs(seen_in_all) / rate.get(),
                    )
                    .await;
                }
            }

            outcome.refused = pass.refused as u64;
            outcome.left = (pass.seen - pass.moved - pass.refused) as u64;
            idle += u32::from(pass.moved == 0);

            // A pass that moved something may have passed over what others were writing, or made meanwhile.
            if pass.seen == pass.refused || idle == IDLE_PASSES {
                return Ok(outcome);
            }

            if pass.moved == 0 {
                tokio::time::sleep(BETWEEN_IDLE_PASSES).await;
            }

            mover.rewind();
        }
    }

    /// Tells the audit log what was done.
    async fn record(
        &mut self,
        action: &str,
        resource: &'static str,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let Means {
            runtime, origin, ..
        } = &self.means;

        let event = Event {
            action: action.to_owned(),
            resource,
            resource_id: None,
            organization: None,
        };

        let mut values: Vec<Value> = record(runtime, None, origin, event).into();
        let Outcome {
            moved,
            refused,
            left,
        } = outcome;

        values.push(serde_json::json!({ "moved": moved, "refused": refused, "left": left }).into());
        let text = format!(
            "INSERT INTO audit_events ({COLUMNS}, after) VALUES ({})",
            placeholders(1, WIDTH + 1)
        );

        self.means.run(text, values).await.map(drop)
    }
}

impl Means {
    async fn run(
        &mut self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.owner
            .execute(Statement::new(
                "keys.rotation",
                text,
                values.into_iter().collect(),
            ))
            .await
    }

    async fn count(
        &mut self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, Error> {
        let rows = self.run(text, values).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::internal("a count has a row"))?;
        Ok(u64::try_from(row.decode::<i64>(0)?).unwrap_or_default())
    }

    /// A data key from its row.
    fn unwrap(
        &self,
        id: i64,
        organization: Uuid,
        subject: Uuid,
        wrapped: &[u8],
    ) -> Result<DataKey, Error> {
        self.ring
            .unwrap(id, organization, subject, wrapped)
            .map_err(Error::internal)
    }

    /// The id of the primary, as it stands in what it made.
    fn primary(&self) -> Value {
        let id = self.ring.key_ids().next().map(|(_, id)| id.to_vec());
        Value::Bytes(id)
    }

    /// The ids of all keys of the ring.
    fn ids(&self) -> Value {
        self.ring
            .key_ids()
            .map(|(_, id)| id.to_vec())
            .collect::<Vec<_>>()
            .into()
    }
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.moved += other.moved;
        self.refused += other.refused;
        self.left += other.left;
    }
}

/// The SQL expression for the id of the key that made what stands in `column`: bytes 1 to 4 of wrapped keys, private boxes
/// and blind indexes.
fn key_in(column: &str) -> String {
    format!("substring({column} FROM 2 FOR 4)")
}
