use std::{net::IpAddr, sync::Arc};

use mainstay_access::{Permission, Principal, Proof};
use mainstay_crypto::{DataKey, Disclosure, Personal, Sealed};
use mainstay_kernel::{Id, Runtime, Uuid};
use sea_query::Value;

use crate::{
    Changes, Database, Entity, Error, Event, Opening, Origin, Row, Sealing, Versioned,
    audit::record,
    column::moment,
    database::WrappedKey,
    statement::Statement,
    texts::{Texts, insert_many, sealed},
};

/// The way to the data for one caller: opened with the proof of a permission, closed to other organizations' rows.
///
/// Every method is one round trip. A write leaves its audit record in the same statement.
pub struct Door<P> {
    proof: Proof<P>,
    origin: Origin,
    database: Database,
}

/// The version that a change builds upon, from the request's `If-Match` (RFC 9110 §13.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Change the row whatever its version.
    Any,
    /// Change it only if nobody else did since this version.
    Version(i64),
}

/// A row whose disclosure stands in the audit log: its sealed fields may be read.
pub struct Revealed<E> {
    row: E,
    disclosure: Disclosure,
}

impl<E> Revealed<E> {
    /// The value of a sealed field.
    pub fn open<T: Personal>(&self, field: impl FnOnce(&E) -> &Sealed<T>) -> &T {
        field(&self.row).disclose(&self.disclosure)
    }

    /// The value of a sealed field that may be empty.
    pub fn open_optional<T: Personal>(&self, field: impl FnOnce(&E) -> &Option<Sealed<T>>) -> Option<&T> {
        field(&self.row).as_ref().map(|value| value.disclose(&self.disclosure))
    }

    /// The row, sealed fields closed.
    pub fn row(&self) -> &E {
        &self.row
    }
}

impl<P: Permission> Door<P> {
    /// Opens the door for whom `proof` was made.
    pub fn new(proof: Proof<P>, origin: Origin, database: Database) -> Self {
        Self { proof, origin, database }
    }

    /// Who is asking.
    pub fn principal(&self) -> &Arc<Principal> {
        self.proof.principal()
    }

    /// The clock and the random source.
    pub fn runtime(&self) -> &Runtime {
        self.database.runtime()
    }

    /// The client's address, where there is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }

    /// Reads one row.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it is another organization's.
    pub async fn get<E: Entity>(&self, id: Id<E>) -> Result<E, Error> {
        let texts = texts::<E>();
        let values = vec![uuid(id.uuid()), uuid(self.organization())];
        let rows = self.database.read(Statement::new(texts.names.find, texts.find.as_str(), values)).await?;
        self.decode(rows.first().ok_or(Error::NotFound)?)
    }

    /// Reads one row to show its sealed fields, and records that the caller saw them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it is another organization's.
    pub async fn reveal<E: Entity>(&self, id: Id<E>) -> Result<Revealed<E>, Error> {
        let texts = texts::<E>();
        let mut values = self.record::<E>("revealed", id);
        values.push(uuid(id.uuid()));
        let rows = self.database.write(Statement::new(texts.names.reveal, texts.reveal.as_str(), values)).await?;
        let row = self.decode(rows.first().ok_or(Error::NotFound)?)?;
        Ok(Revealed { row, disclosure: Disclosure::recorded_in_the_audit_log() })
    }

    /// Writes a new row into the caller's organization.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the schema refuses it.
    pub async fn insert<E: Entity>(&self, row: &E) -> Result<(), Error> {
        let texts = texts::<E>();
        let id = row.id();
        let mut values = self.record::<E>("created", id);
        let key = self.push_key(row, &mut values);
        values.extend(row.values(&self.sealing::<E>(id.uuid(), key.as_ref()))?);
        self.database.write(Statement::new(texts.names.insert, texts.insert.as_str(), values)).await?;
        if let Some(key) = key {
            self.database.keep_key(id.uuid(), key);
        }
        Ok(())
    }

    /// Writes many new rows in one statement: all of them or none. Each has its own audit record.
    ///
    /// Postgres takes 65,535 values a statement: some 2,000 rows of 20 columns.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the schema refuses one of them.
    pub async fn insert_many<E: Entity>(&self, rows: &[E]) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let texts = texts::<E>();
        let mut values = self.record::<E>("created", first.id());
        let records = (0..rows.len()).map(|_| self.runtime().new_id::<Event>().uuid());
        values.push(records.collect::<Vec<_>>().into());
        for row in rows {
            let key = self.push_key(row, &mut values);
            values.extend(row.values(&self.sealing::<E>(row.id().uuid(), key.as_ref()))?);
        }
        let statement = Statement::new(texts.names.insert, insert_many::<E>(rows.len()), values);
        self.database.write(statement).await.map(drop)
    }

    /// Changes some columns of a row and gives it as it is now. One round trip, and one more when a sealed field
    /// changes whose key this process has not met lately.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none or it is another organization's; [`Error::Stale`] when `if_match` names
    /// another version; [`Error::Constraint`] when the schema refuses the values.
    pub async fn update<E: Versioned>(&self, id: Id<E>, if_match: IfMatch, changes: Changes<E>) -> Result<E, Error> {
        for _ in 0..2 {
            let key = if changes.seals { Some(self.data_key(id).await?) } else { None };
            match self.try_update(id, if_match, &changes, key.as_ref()).await? {
                Some(row) => return Ok(row),
                // The row's key was replaced since it was kept: forget it and seal once more.
                None => self.database.forget_key(id.uuid()),
            }
        }
        Err(Error::Contended)
    }

    async fn try_update<E: Versioned>(
        &self,
        id: Id<E>,
        if_match: IfMatch,
        changes: &Changes<E>,
        key: Option<&DataKey>,
    ) -> Result<Option<E>, Error> {
        let texts = texts::<E>();
        let (columns, set): (Vec<_>, Vec<_>) = changes.resolve(&self.sealing::<E>(id.uuid(), key))?.into_iter().unzip();
        let mut values = self.record::<E>("updated", id);
        let now = moment(self.runtime().clock.now());
        values.extend([uuid(id.uuid()), if_match.value(), now]);
        values.extend(set);
        values.extend(key.map(|key| Value::BigInt(Some(key.id()))));
        let text = texts.update::<E>(&columns, key.is_some());
        let rows = self.database.write(Statement::new(texts.names.update, text, values)).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if !row.is_null(0)? {
            return self.decode(row).map(Some);
        }
        let current = row.decode(row.width() - 1)?;
        if if_match.allows(current) { Ok(None) } else { Err(Error::Stale { current }) }
    }

    /// Deletes a row; where it is sealed, its data key goes with it, so that copies elsewhere cannot be read.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none or it is another organization's; [`Error::Stale`] when `if_match` names
    /// another version; [`Error::Constraint`] when other rows still refer to it.
    pub async fn delete<E: Versioned>(&self, id: Id<E>, if_match: IfMatch) -> Result<(), Error> {
        let texts = texts::<E>();
        let mut values = self.record::<E>("deleted", id);
        values.extend([uuid(id.uuid()), if_match.value()]);
        let rows = self.database.write(Statement::new(texts.names.delete, texts.delete.as_str(), values)).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if !row.decode::<bool>(1)? {
            return Err(Error::Stale { current: row.decode(0)? });
        }
        self.database.forget_key(id.uuid());
        Ok(())
    }

    /// Runs a static query of yours. `$1` is always the caller's organization, and the text must use it; your values
    /// follow from `$2`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the text does not name `$1`: it would read every organization's rows.
    pub async fn select(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        if !text.contains("organization_id = $1") {
            return Err(Error::internal(format!("the query {name} is not limited to organization_id = $1")));
        }
        let values = std::iter::once(uuid(self.organization())).chain(values).collect();
        self.database.read(Statement::new(name, text, values)).await
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn organization(&self) -> Uuid {
        self.principal().organization.uuid()
    }

    pub(crate) fn sealing<'a, E: Entity>(&'a self, row: Uuid, key: Option<&'a DataKey>) -> Sealing<'a> {
        Sealing {
            ring: self.database.ring(),
            random: &self.runtime().random,
            key,
            organization: self.organization(),
            table: E::TABLE,
            row,
        }
    }

    /// Reads an entity from a row that was selected with [`Texts::selected`].
    pub(crate) fn decode<E: Entity>(&self, row: &Row) -> Result<E, Error> {
        let id: Uuid = row.decode(0)?;
        let key = if sealed::<E>() { Some(self.unwrap(id, row, E::COLUMNS.len())?) } else { None };
        let opening = Opening { key: key.as_ref(), organization: self.organization(), table: E::TABLE, row: id };
        E::read(row, &opening)
    }

    /// Makes the data key of a new row, and binds what its own row in the database takes.
    fn push_key<E: Entity>(&self, row: &E, values: &mut Vec<Value>) -> Option<DataKey> {
        sealed::<E>().then(|| {
            let (key, wrapped) =
                self.database.ring().new_data_key(&self.runtime().random, self.organization(), row.subject());
            values.extend([Value::BigInt(Some(key.id())), uuid(row.subject()), Value::Bytes(Some(wrapped.0))]);
            key
        })
    }

    async fn data_key<E: Entity>(&self, id: Id<E>) -> Result<DataKey, Error> {
        if let Some(key) = self.database.kept_key(id.uuid()) {
            return Ok(key);
        }
        let texts = texts::<E>();
        let values = vec![uuid(id.uuid()), uuid(self.organization())];
        let rows = self.database.read(Statement::new(texts.names.find, texts.find_key.as_str(), values)).await?;
        self.unwrap(id.uuid(), rows.first().ok_or(Error::NotFound)?, 0)
    }

    fn unwrap(&self, id: Uuid, row: &Row, position: usize) -> Result<DataKey, Error> {
        let wrapped = WrappedKey {
            id: row.decode(position)?,
            bytes: row.decode(position + 1)?,
            subject: row.decode(position + 2)?,
        };
        self.database.unwrap(self.principal().organization, id, &wrapped)
    }

    fn record<E: Entity>(&self, verb: &str, id: Id<E>) -> Vec<Value> {
        let principal = self.principal();
        let event = Event {
            action: format!("{}.{verb}", E::RESOURCE),
            resource: E::RESOURCE,
            resource_id: Some(id.uuid()),
            organization: Some(principal.organization),
        };
        record(self.runtime(), Some(principal), &self.origin, event).into()
    }
}

impl IfMatch {
    fn value(self) -> Value {
        Value::BigInt(match self {
            Self::Any => None,
            Self::Version(version) => Some(version),
        })
    }

    fn allows(self, current: i64) -> bool {
        self == Self::Any || self == Self::Version(current)
    }
}

pub(crate) fn texts<E: Entity>() -> &'static Texts {
    E::texts().get_or_init(Texts::of::<E>)
}

pub(crate) fn uuid(id: Uuid) -> Value {
    Value::Uuid(Some(id))
}
