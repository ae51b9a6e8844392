//! A door's writes: inserts, updates and deletes of single rows, each one statement with its audit
//! record.

use std::borrow::Cow;

use mainstay_crypto::DataKey;
use mainstay_kernel::Id;
use sea_query::Value;
use serde::Serialize;

use crate::{
    Authenticated, Changes, Door, Entity, EntityScope as _, Error, Event, IfMatch, Job, Row, Scope,
    Versioned, Write, WrittenBy,
    claims::{self, Claimed},
    column::moment,
    door::uuid,
    entity_statements::{delete, insert, insert_many, sealed, statements},
    job,
    statement::Statement,
};

impl<A: Authenticated> Door<A> {
    /// Inserts a row of the caller.
    ///
    /// # Errors
    /// [`Error::Constraint`] if the row violates a constraint.
    pub fn insert<'a, E>(&'a self, row: &'a E) -> Write<'a, ()>
    where
        E: Entity<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| self.insert_with(row, jobs))
    }

    async fn insert_with<E: Entity>(&self, row: &E, jobs: Vec<Job>) -> Result<(), Error> {
        let statements = statements::<E>();
        let id = row.id();
        let mut values = self.record::<E>("created", id);
        let key = self.push_key(row, &mut values);
        let claimed = self.push_row(row, key.as_ref(), &mut values)?;
        values.extend(claims::values::<E>(E::BLIND_INDEXES, &[claimed]));

        let queued = job::queued(jobs, &mut values);
        let text = match queued.as_str() {
            "" => Cow::Borrowed(statements.insert.as_str()),
            queued => insert::<E>(queued).into(),
        };

        self.write(Statement::new(statements.names.insert, text, values))
            .await?;

        if let Some(key) = key {
            self.database().keep_key(id.uuid(), key);
        }

        Ok(())
    }

    /// Inserts many rows in one statement: all of them or none. Each has its own audit record.
    ///
    /// Postgres accepts 65,535 values per statement: about 2,000 rows of 20 columns.
    ///
    /// # Errors
    /// [`Error::Constraint`] if a row violates a constraint.
    pub fn insert_many<'a, E>(&'a self, rows: &'a [E]) -> Write<'a, ()>
    where
        E: Entity<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| self.insert_many_with(rows, jobs))
    }

    async fn insert_many_with<E: Entity>(&self, rows: &[E], jobs: Vec<Job>) -> Result<(), Error> {
        let Some(first) = rows.first() else {
            return Ok(());
        };

        let statements = statements::<E>();
        let mut values = self.record::<E>("created", first.id());
        let records = (0..rows.len()).map(|_| self.runtime().new_id::<Event>().uuid());
        values.push(records.collect::<Vec<_>>().into());

        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let key = self.push_key(row, &mut values);
            claimed.push(self.push_row(row, key.as_ref(), &mut values)?);
        }
        values.extend(claims::values::<E>(E::BLIND_INDEXES, &claimed));

        let queued = job::queued(jobs, &mut values);
        let text = insert_many::<E>(rows.len(), &queued);
        self.write(Statement::new(statements.names.insert, text, values))
            .await
            .map(drop)
    }

    /// Updates some columns of a row and returns the row. One round trip, or two if a sealed field
    /// changes whose key is not cached in this process.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row; [`Error::Stale`]
    /// if `if_match` names another version; [`Error::Constraint`] if the values violate a
    /// constraint.
    pub fn update<E>(&self, id: Id<E>, if_match: IfMatch, changes: Changes<E>) -> Write<'_, E>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| self.update_with(id, if_match, changes, jobs))
    }

    async fn update_with<E>(
        &self,
        id: Id<E>,
        if_match: IfMatch,
        changes: Changes<E>,
        jobs: Vec<Job>,
    ) -> Result<E, Error>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        if changes.is_empty() && jobs.is_empty() {
            return self.unchanged(id, &if_match).await;
        }

        for _ in 0..2 {
            let key = if changes.seals {
                Some(self.data_key(id).await?)
            } else {
                None
            };

            match self
                .try_update(id, &if_match, &changes, key.as_ref(), jobs.clone())
                .await?
            {
                Some(row) => return Ok(row),
                // The row's key was replaced since it was cached: remove it from the cache and seal
                // again.
                None => self.database().forget_key(id.uuid()),
            }
        }

        Err(Error::Contended)
    }

    /// An update without changes creates no new version; it only checks that `if_match` allows the
    /// current one.
    async fn unchanged<E>(&self, id: Id<E>, if_match: &IfMatch) -> Result<E, Error>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        let row = self.get(id).await?;
        if if_match.allows(row.version()) {
            Ok(row)
        } else {
            Err(Error::Stale {
                current: row.version(),
            })
        }
    }

    async fn try_update<E: Versioned>(
        &self,
        id: Id<E>,
        if_match: &IfMatch,
        changes: &Changes<E>,
        key: Option<&DataKey>,
        jobs: Vec<Job>,
    ) -> Result<Option<E>, Error> {
        let statements = statements::<E>();
        let sealing = self.sealing::<E>(id.uuid(), key);
        let (assigned, set): (Vec<_>, Vec<_>) = changes
            .resolve(&sealing)?
            .into_iter()
            .map(|assigned| ((assigned.column, assigned.how), assigned.value))
            .unzip();
        let mut values = self.record::<E>("updated", id);
        let now = moment(self.runtime().clock.now());

        values.extend([uuid(id.uuid()), if_match.value(), now]);
        values.extend(set);
        values.extend(key.map(|key| Value::BigInt(Some(key.id()))));

        let columns: Vec<_> = assigned.iter().map(|(column, _)| *column).collect();
        let claimed = Claimed {
            row: id.uuid(),
            claims: changes.claims(&sealing),
        };
        let mut beside = claims::clauses::<E>(&columns, values.len() + 1);
        values.extend(claims::values::<E>(&columns, &[claimed]));
        beside += &job::queued(jobs, &mut values);

        let text = statements.update::<E>(&assigned, key.is_some(), &beside);
        let rows = self
            .write(Statement::new(statements.names.update, text, values))
            .await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if !row.is_null(0)? {
            return match key {
                Some(_) => self.decode_under(row, key),
                None => self.decode_changed(id, row).await,
            }
            .map(Some);
        }

        let current = row.decode(row.width() - 1)?;
        if if_match.allows(current) {
            Ok(None)
        } else {
            Err(Error::Stale { current })
        }
    }

    /// Reads the row that an update returned. If the row got another data key while the statement
    /// waited for its lock, that key is newer than the statement's snapshot, so it is read
    /// separately.
    async fn decode_changed<E: Versioned>(&self, id: Id<E>, row: &Row) -> Result<E, Error> {
        if !sealed::<E>() || !row.is_null(E::COLUMNS.len())? {
            return self.decode(row);
        }

        self.database().forget_key(id.uuid());
        let key = self.data_key(id).await?;
        self.decode_under(row, Some(&key))
    }

    /// Deletes a row. If it is sealed, its data key is deleted, too, so the values in the audit log
    /// become unreadable. A backup with the key can still be read.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row; [`Error::Stale`]
    /// if `if_match` names another version; [`Error::Constraint`] if other rows still reference it.
    pub fn delete<E>(&self, id: Id<E>, if_match: IfMatch) -> Write<'_, ()>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| self.delete_with(id, if_match, jobs))
    }

    async fn delete_with<E: Versioned>(
        &self,
        id: Id<E>,
        if_match: IfMatch,
        jobs: Vec<Job>,
    ) -> Result<(), Error> {
        let statements = statements::<E>();
        let mut values = self.record::<E>("deleted", id);
        values.extend([uuid(id.uuid()), if_match.value()]);

        let queued = job::queued(jobs, &mut values);
        let text = match queued.as_str() {
            "" => Cow::Borrowed(statements.delete.as_str()),
            queued => delete::<E>(queued).into(),
        };

        let rows = self
            .write(Statement::new(statements.names.delete, text, values))
            .await?;

        let row = rows.first().ok_or(Error::NotFound)?;
        if !row.decode::<bool>(1)? {
            return Err(Error::Stale {
                current: row.decode(0)?,
            });
        }

        self.database().forget_key(id.uuid());

        Ok(())
    }

    /// Creates a job of this kind, to be queued with a write.
    ///
    /// # Errors
    /// [`Error::Internal`] if the payload cannot be serialized.
    pub fn job(&self, kind: &'static str, payload: &impl Serialize) -> Result<Job, Error> {
        Job::new(kind, payload, self.database().ring(), self.runtime())
    }

    /// Queues a job without a write. In a [`transaction`](Self::transaction), it runs if that is
    /// committed.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn queue(&self, job: Job) -> Result<(), Error> {
        let mut values = Vec::new();
        let queued = job::queued(vec![job], &mut values);
        let text = format!("WITH changed AS (SELECT){queued} SELECT");

        self.write(Statement::new("jobs.queue", text, values))
            .await
            .map(drop)
    }

    /// Adds the values of a new row, and returns its unique values.
    fn push_row<E: Entity>(
        &self,
        row: &E,
        key: Option<&DataKey>,
        values: &mut Vec<Value>,
    ) -> Result<Claimed, Error> {
        let id = row.id().uuid();
        let sealing = self.sealing::<E>(id, key);
        values.extend(row.values(&sealing)?);

        Ok(Claimed {
            row: id,
            claims: row.claims(&sealing),
        })
    }

    /// Creates the data key of a new row, and adds the values of its row in `data_keys`.
    fn push_key<E: Entity>(&self, row: &E, values: &mut Vec<Value>) -> Option<DataKey> {
        sealed::<E>().then(|| {
            let owner = self.owner::<E>();
            let subject = match E::Scope::SCOPE {
                Scope::Person => owner,
                _ => row.subject(),
            };
            let (key, wrapped) =
                self.database()
                    .ring()
                    .new_data_key(&self.runtime().random, owner, subject);
            values.extend([
                Value::BigInt(Some(key.id())),
                uuid(subject),
                Value::Bytes(Some(wrapped.0)),
            ]);
            key
        })
    }
}
