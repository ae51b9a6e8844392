//! A door's writes: inserts, updates and deletes of single rows, each one statement with its audit
//! record.

use mainstay_access::Permission;
use mainstay_crypto::DataKey;
use mainstay_kernel::Id;
use sea_query::Value;

use crate::{
    Changes, Door, Entity, Error, Event, IfMatch, Row, Versioned,
    column::moment,
    door::uuid,
    entity_statements::{insert_many, sealed, statements},
    statement::Statement,
};

impl<P: Permission> Door<P> {
    /// Inserts a row into the caller's organization.
    ///
    /// # Errors
    /// [`Error::Constraint`] if the row violates a constraint.
    pub async fn insert<E: Entity>(&self, row: &E) -> Result<(), Error> {
        let statements = statements::<E>();
        let id = row.id();
        let mut values = self.record::<E>("created", id);
        let key = self.push_key(row, &mut values);
        values.extend(row.values(&self.sealing::<E>(id.uuid(), key.as_ref()))?);

        self.write(Statement::new(
            statements.names.insert,
            statements.insert.as_str(),
            values,
        ))
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
    pub async fn insert_many<E: Entity>(&self, rows: &[E]) -> Result<(), Error> {
        let Some(first) = rows.first() else {
            return Ok(());
        };

        let statements = statements::<E>();
        let mut values = self.record::<E>("created", first.id());
        let records = (0..rows.len()).map(|_| self.runtime().new_id::<Event>().uuid());
        values.push(records.collect::<Vec<_>>().into());

        for row in rows {
            let key = self.push_key(row, &mut values);
            values.extend(row.values(&self.sealing::<E>(row.id().uuid(), key.as_ref()))?);
        }

        let statement = Statement::new(
            statements.names.insert,
            insert_many::<E>(rows.len()),
            values,
        );
        self.write(statement).await.map(drop)
    }

    /// Updates some columns of a row and returns the row. One round trip, or two if a sealed field
    /// changes whose key is not cached in this process.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such row in the caller's organization; [`Error::Stale`]
    /// if `if_match` names another version; [`Error::Constraint`] if the values violate a
    /// constraint.
    pub async fn update<E: Versioned>(
        &self,
        id: Id<E>,
        if_match: IfMatch,
        changes: Changes<E>,
    ) -> Result<E, Error> {
        if changes.is_empty() {
            return self.unchanged(id, &if_match).await;
        }

        for _ in 0..2 {
            let key = if changes.seals {
                Some(self.data_key(id).await?)
            } else {
                None
            };

            match self
                .try_update(id, &if_match, &changes, key.as_ref())
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
    async fn unchanged<E: Versioned>(&self, id: Id<E>, if_match: &IfMatch) -> Result<E, Error> {
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
    ) -> Result<Option<E>, Error> {
        let statements = statements::<E>();
        let (columns, set): (Vec<_>, Vec<_>) = changes
            .resolve(&self.sealing::<E>(id.uuid(), key))?
            .into_iter()
            .unzip();
        let mut values = self.record::<E>("updated", id);
        let now = moment(self.runtime().clock.now());

        values.extend([uuid(id.uuid()), if_match.value(), now]);
        values.extend(set);
        values.extend(key.map(|key| Value::BigInt(Some(key.id()))));

        let text = statements.update::<E>(&columns, key.is_some());
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
    /// [`Error::NotFound`] if there is no such row in the caller's organization; [`Error::Stale`]
    /// if `if_match` names another version; [`Error::Constraint`] if other rows still reference it.
    pub async fn delete<E: Versioned>(&self, id: Id<E>, if_match: IfMatch) -> Result<(), Error> {
        let statements = statements::<E>();
        let mut values = self.record::<E>("deleted", id);
        values.extend([uuid(id.uuid()), if_match.value()]);

        let rows = self
            .write(Statement::new(
                statements.names.delete,
                statements.delete.as_str(),
                values,
            ))
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

    /// Creates the data key of a new row, and adds the values of its row in `data_keys`.
    fn push_key<E: Entity>(&self, row: &E, values: &mut Vec<Value>) -> Option<DataKey> {
        sealed::<E>().then(|| {
            let (key, wrapped) = self.database().ring().new_data_key(
                &self.runtime().random,
                self.organization(),
                row.subject(),
            );
            values.extend([
                Value::BigInt(Some(key.id())),
                uuid(row.subject()),
                Value::Bytes(Some(wrapped.0)),
            ]);
            key
        })
    }
}
