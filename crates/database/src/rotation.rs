//! Rotation of keys while the service runs.
//!
//! A rotation stores no progress: the values that are left are those that do not name the primary
//! key, so a rotation that was killed can be repeated. Rows are processed in small batches by
//! primary key. A batch skips rows that are locked, and writes only if the old value is unchanged,
//! so a concurrent write wins; the next pass processes skipped rows. It runs as the owner of the
//! schema, because the serving role lacks the privileges.

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

/// Number of rows per batch without a rate limit; their locks are held for milliseconds.
const BATCH: u32 = 200;

/// Maximum number of passes that find only locked rows, before the rotation gives up on them.
const IDLE_PASSES: u32 = 10;
const BETWEEN_IDLE_PASSES: Duration = Duration::from_millis(200);

/// Rotates keys, on a connection of the schema's owner.
pub struct Rotation {
    context: Context,
    tables: Vec<SealedTable>,
    private_columns: Vec<PrivateColumn>,
    rate: Option<NonZeroU32>,
    progress: Box<dyn FnMut(RotationProgress) + Send>,
}

/// The progress of a rotation in one table.
#[derive(Clone, Copy, Debug)]
pub struct RotationProgress {
    /// Name of the table.
    pub table: &'static str,
    /// Number of rows moved.
    pub done: u64,
    /// Number of rows to move, counted at the start.
    pub total: u64,
}

/// The result of a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationOutcome {
    /// Number of rows moved to the primary.
    pub moved: u64,
    /// Number of rows that cannot be decrypted (altered, or under a key that is not on the ring),
    /// or whose unique value conflicts with another row.
    pub refused: u64,
    /// Number of rows skipped because they were locked in every pass.
    pub left: u64,
}

impl Rotation {
    /// Creates a rotation. `tables` and `private_columns` must name all sealed values; `command` is
    /// its name in the audit log.
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

    /// Limits the number of rows per second.
    #[must_use]
    pub fn rate(mut self, rate: Option<NonZeroU32>) -> Self {
        self.rate = rate;
        self
    }

    /// Reports progress after each batch.
    #[must_use]
    pub fn watched_by(mut self, progress: impl FnMut(RotationProgress) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Reports how much data each key protects.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn status(&mut self) -> Result<KeyRingStatus, Error> {
        status::read(&mut self.context, &self.tables, &self.private_columns).await
    }

    /// Re-wraps every data key, and reseals every private column, under the primary.
    ///
    /// # Errors
    /// The error of the database; rows moved before stay moved.
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

    /// Rebuilds every blind index under the primary, and builds missing ones.
    ///
    /// # Errors
    /// The error of the database; rows moved before stay moved.
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

    /// Re-encrypts each row that was sealed before `before` under a new data key. For accounts,
    /// this includes the rows of other tables that are sealed under their keys.
    ///
    /// # Errors
    /// The error of the database; rows resealed before stay resealed.
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

    /// Returns the connection.
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

            // A pass that moved rows may have skipped rows that were locked or inserted meanwhile.
            if pass.seen == pass.refused || idle == IDLE_PASSES {
                return Ok(outcome);
            }

            if pass.moved == 0 {
                tokio::time::sleep(BETWEEN_IDLE_PASSES).await;
            }

            mover.rewind();
        }
    }

    /// Records the rotation in the audit log.
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
