//! Moving what is sealed from one key to another while the service runs.
//!
//! Nothing remembers how far a rotation has come: what is left is what does not name the primary, so that one that was
//! killed goes on where it was. Rows are taken in small batches by their primary key. A batch never waits for a row
//! that somebody else is writing, and writes only where the old value still stands, so that a concurrent write wins;
//! what it passed over, the next pass takes. It runs as the owner of the schema: the serving role needs no right for
//! it.

mod data_keys;
mod held_rows;
mod holders;
mod indexes;
mod mover;
mod private_columns;
mod reseal;
mod status;

use std::{num::NonZeroU32, time::Duration};

use mainstay_crypto::KeyRing;
use mainstay_kernel::{Runtime, Timestamp};
use sea_query::Value;
use tokio::time::Instant;

use crate::{
    Error, Event, KeyHolder, Origin, Owner, PrivateColumn, SealedTable,
    audit::{COLUMNS, WIDTH, placeholders, record},
};
use mover::{Batch, Context, Mover};

pub use status::{KeyRingStatus, KeyUse, Usage, UsageKind};

/// How many rows a batch takes when nothing limits it: their locks are held for milliseconds.
const BATCH: u32 = 200;

/// How often a pass may find rows that others hold on to, and move none, before the rotation leaves them.
const IDLE_PASSES: u32 = 10;
const BETWEEN_IDLE_PASSES: Duration = Duration::from_millis(200);

/// The rotations, on a connection of the schema's owner.
pub struct Rotation {
    context: Context,
    tables: Vec<SealedTable>,
    private_columns: Vec<PrivateColumn>,
    rate: Option<NonZeroU32>,
    progress: Box<dyn FnMut(RotationProgress) + Send>,
}

/// How far it has come with one table.
#[derive(Clone, Copy, Debug)]
pub struct RotationProgress {
    /// The table.
    pub table: &'static str,
    /// Rows moved.
    pub done: u64,
    /// Rows that were left when it began.
    pub total: u64,
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationOutcome {
    /// Rows that stand under the primary now.
    pub moved: u64,
    /// Rows that do not open: altered, or under a key that is not on the ring. Rows of a unique value that another row
    /// has.
    pub refused: u64,
    /// Rows that somebody else was writing all the time.
    pub left: u64,
}

impl Rotation {
    /// Stands ready. `tables` and `private_columns` are all that is sealed; `command` is what the audit log calls what runs.
    pub fn new(
        owner: Owner,
        (ring, runtime): (KeyRing, Runtime),
        tables: Vec<SealedTable>,
        private_columns: Vec<PrivateColumn>,
        command: &'static str,
    ) -> Self {
        let origin = Origin {
            request: runtime.new_id::<Origin>().uuid(),
            operation: command,
            address: None,
        };

        let tables = tables.into_iter().filter(SealedTable::is_sealed).collect();

        let context = Context {
            owner,
            ring,
            runtime,
            origin,
        };

        Self {
            context,
            tables,
            private_columns,
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
    pub fn watched_by(mut self, progress: impl FnMut(RotationProgress) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// What stands under which key.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn status(&mut self) -> Result<KeyRingStatus, Error> {
        status::read(&mut self.context, &self.tables, &self.private_columns).await
    }

    /// Wraps every data key, and seals every private box, under the primary.
    ///
    /// # Errors
    /// As the database answers; what was moved stays moved.
    pub async fn rotate_keys(&mut self) -> Result<RotationOutcome, Error> {
        let mut outcome = self.drive(data_keys::DataKeys::default()).await?;
        for column in self.private_columns.clone() {
            outcome += self
                .drive(private_columns::PrivateBoxes::new(column))
                .await?;
        }
        self.record("data_key.rotated", "data_key", outcome).await?;
        Ok(outcome)
    }

    /// Makes every blind index under the primary, also those that were never made.
    ///
    /// # Errors
    /// As the database answers; what was moved stays moved.
    pub async fn rotate_indexes(&mut self) -> Result<RotationOutcome, Error> {
        let mut outcome = RotationOutcome::default();
        for table in self.tables.clone() {
            if !table.indexes.is_empty() {
                outcome += self.drive(indexes::Indexes::new(table)).await?;
            }
        }
        indexes::forget_departed(&mut self.context).await?;
        self.record("blind_index.rotated", "blind_index", outcome)
            .await?;
        Ok(outcome)
    }

    /// Gives each row that was sealed before `before` a data key of its own anew, and seals its values under it; with
    /// an account goes what other tables hold under its key.
    ///
    /// # Errors
    /// As the database answers; what was sealed anew stays so.
    pub async fn reseal(&mut self, before: Timestamp) -> Result<RotationOutcome, Error> {
        let mut outcome = RotationOutcome::default();
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
        self.context.owner
    }

    /// The clock.
    pub fn runtime(&self) -> &Runtime {
        &self.context.runtime
    }

    async fn drive<M: Mover>(&mut self, mut mover: M) -> Result<RotationOutcome, Error> {
        let total = mover.count(&mut self.context).await?;
        let size = self
            .rate
            .map_or(BATCH, |rate| (rate.get() / 4).clamp(1, BATCH));
        let (started, mut outcome, mut idle) = (Instant::now(), RotationOutcome::default(), 0);
        let mut seen_in_all = 0;
        loop {
            let mut pass = Batch::default();
            while let Some(batch) = mover.batch(&mut self.context, size).await? {
                pass.seen += batch.seen;
                pass.moved += batch.moved;
                pass.refused += batch.refused;
                outcome.moved += batch.moved as u64;
                seen_in_all += batch.seen as u64;
                (self.progress)(RotationProgress {
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
        outcome: RotationOutcome,
    ) -> Result<(), Error> {
        let Context {
            runtime, origin, ..
        } = &self.context;

        let event = Event {
            action: action.to_owned(),
            resource,
            resource_id: None,
            organization: None,
        };

        let mut values: Vec<Value> = record(runtime, None, origin, event).into();
        let RotationOutcome {
            moved,
            refused,
            left,
        } = outcome;

        values.push(serde_json::json!({ "moved": moved, "refused": refused, "left": left }).into());
        let text = format!(
            "INSERT INTO mainstay.audit_events ({COLUMNS}, after) VALUES ({})",
            placeholders(1, WIDTH + 1)
        );

        self.context.run(text, values).await.map(drop)
    }
}

impl std::ops::AddAssign for RotationOutcome {
    fn add_assign(&mut self, other: Self) {
        self.moved += other.moved;
        self.refused += other.refused;
        self.left += other.left;
    }
}
