//! The door: a caller's access to the rows that they reach, and reading one row.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use mainstay_access::{Denied, Permission, Principal, Proof};
use mainstay_crypto::{DataKey, Disclosure};
use mainstay_kernel::{Id, Runtime, Uuid};
use sea_query::Value;

use crate::{
    Anyone, Authenticated, Authority, Database, Entity, EntityScope as _, Error, Event, Origin,
    Person, ReadBy, Revealed, Row, Scope, Sealing, Sql, WrittenBy,
    audit::record,
    decoder::Decoder,
    entity_statements::{sealed, statements},
    executor::Executor,
    pool::Lease,
    sql::Limit,
    statement::Statement,
};

/// The data access handle of one caller. What opened it decides which rows it reaches
/// ([`EntityScope`](crate::EntityScope)): the proof of a permission, the rows of the caller's
/// organization; a [`Person`], the rows of their account; [`Anyone`], public rows.
///
/// Every method is one round trip. A write adds its audit record in the same statement.
pub struct Door<A: Authority> {
    held: A::Held,
    origin: Origin,
    executor: Executor,
    /// Whether the data that is read is shown to the caller.
    shows: bool,
}

/// The door of a signed-in person to the rows of their own account.
pub type PersonDoor = Door<Person>;

/// The door of everyone to what is public.
pub type PublicDoor = Door<Anyone>;

impl<A: Authority> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self {
            held: self.held.clone(),
            origin: self.origin.clone(),
            executor: self.executor.clone(),
            shows: self.shows,
        }
    }
}

impl<P: Permission> Door<P> {
    /// Creates a door for the principal in `proof`.
    pub fn new(proof: Proof<P>, origin: Origin, database: Database) -> Self {
        Self::opened(proof, origin, database)
    }

    /// The organization whose rows the door reaches.
    pub fn organization(&self) -> Uuid {
        self.held.organization().uuid()
    }

    /// Proves that the caller also has the permission `Q`.
    ///
    /// # Errors
    /// [`Denied`] if the caller's role does not grant it.
    pub fn prove<Q: Permission>(&self) -> Result<Proof<Q>, Denied> {
        Proof::check(self.principal().clone())
    }
}

impl Door<Person> {
    /// Creates a door to the rows of the caller's own account.
    pub fn own(caller: Arc<Principal>, origin: Origin, database: Database) -> Self {
        Self::opened(caller, origin, database)
    }
}

impl Door<Anyone> {
    /// Creates a door to what is public. Its statements share the connections of callers without a
    /// credential.
    pub fn public(origin: Origin, database: &Database) -> Self {
        Self::opened((), origin, database.for_strangers())
    }
}

impl<A: Authority> Door<A> {
    fn opened(held: A::Held, origin: Origin, database: Database) -> Self {
        Self {
            held,
            origin,
            executor: Executor::pooled(database),
            shows: true,
        }
    }

    /// Hand-written statements that reach all rows, in the caller's name. `why` is a sentence that
    /// says why they cannot be limited to the caller's rows. They take part in the door's
    /// transaction. See [`Sql`].
    pub fn unlimited(&self, why: &'static str) -> Sql {
        self.statements(self.executor.clone().unlimited(why), None)
    }

    fn statements(&self, executor: Executor, limit: Option<Limit>) -> Sql {
        let actor = self.caller().cloned();
        Sql::on(executor, self.origin.clone(), actor, limit).showing(self.shows)
    }

    /// Abandons a transaction that was not committed.
    pub(crate) fn abandon(&self) {
        self.executor.abandon();
    }

    /// Sets whether the data that is read is shown to the caller. The response to `HEAD` has no
    /// content, so nothing is revealed, and no disclosure must be recorded.
    #[must_use]
    pub fn showing(mut self, shows: bool) -> Self {
        self.shows = shows;
        self
    }

    /// The same door on one connection.
    pub(crate) fn on(&self, lease: Lease) -> Self {
        Self {
            held: self.held.clone(),
            origin: self.origin.clone(),
            executor: Executor::on(self.database().clone(), lease),
            shows: self.shows,
        }
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The clock and the random source.
    pub fn runtime(&self) -> &Runtime {
        self.database().runtime()
    }

    /// The client's address, if there is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }

    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        self.executor.read(statement).await
    }

    pub(crate) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        self.executor.write(statement).await
    }

    pub(crate) fn database(&self) -> &Database {
        self.executor.database()
    }

    /// The owner of the rows of `E` that the door reaches, to which sealed values are bound; the nil
    /// ID for rows of the platform.
    pub(crate) fn owner<E: Entity>(&self) -> Uuid {
        match E::Scope::SCOPE {
            Scope::Organization | Scope::Person => self.own_id(),
            Scope::Platform | Scope::Nowhere => Uuid::nil(),
        }
    }

    /// The caller's organization, or their account.
    pub(crate) fn own_id(&self) -> Uuid {
        A::owner(&self.held)
    }

    /// The caller, if there is one.
    pub(crate) fn caller(&self) -> Option<&Arc<Principal>> {
        A::caller(&self.held)
    }

    pub(crate) async fn find<E: Entity>(
        &self,
        id: Id<E>,
        text: impl Into<Cow<'static, str>>,
    ) -> Result<Vec<Row>, Error> {
        let values = vec![uuid(id.uuid()), uuid(self.owner::<E>())];
        self.read(Statement::new(statements::<E>().names.find, text, values))
            .await
    }

    pub(crate) fn sealing<'a, E: Entity>(
        &'a self,
        row: Uuid,
        key: Option<&'a DataKey>,
    ) -> Sealing<'a> {
        Sealing {
            ring: self.database().ring(),
            random: &self.runtime().random,
            key,
            organization: self.owner::<E>(),
            table: E::TABLE,
            row,
        }
    }

    /// A decoder for the rows of `E` that the door reaches.
    pub(crate) fn decoder<E: Entity>(&self) -> Decoder {
        Decoder {
            database: self.database().clone(),
            owner: self.owner::<E>(),
        }
    }

    /// Reads an entity from a row that was selected with
    /// [`Statements::selected`](crate::Statements).
    pub(crate) fn decode<E: Entity>(&self, row: &Row) -> Result<E, Error> {
        self.decoder::<E>().decode(row)
    }

    /// Reads an entity with its data key.
    pub(crate) fn decode_under<E: Entity>(
        &self,
        row: &Row,
        key: Option<&DataKey>,
    ) -> Result<E, Error> {
        self.decoder::<E>().decode_under(row, key)
    }

    pub(crate) async fn data_key<E: Entity>(&self, id: Id<E>) -> Result<DataKey, Error> {
        if let Some(key) = self.database().kept_key(id.uuid()) {
            return Ok(key);
        }
        let rows = self.find(id, statements::<E>().find_key.as_str()).await?;
        self.decoder::<E>()
            .unwrap(id.uuid(), rows.first().ok_or(Error::NotFound)?, 0)
    }

    pub(crate) fn record<E: Entity>(&self, verb: &str, id: Id<E>) -> Vec<Value> {
        self.record_about::<E>(verb, Some(id))
    }

    /// The record of an event about many rows.
    pub(crate) fn record_of_all<E: Entity>(&self, verb: &str) -> Vec<Value> {
        self.record_about::<E>(verb, None)
    }

    fn record_about<E: Entity>(&self, verb: &str, id: Option<Id<E>>) -> Vec<Value> {
        let event = Event {
            action: format!("{}.{verb}", E::RESOURCE),
            resource: E::RESOURCE,
            resource_id: id.map(Id::uuid),
            organization: A::organization(&self.held),
        };

        record(
            self.runtime(),
            self.caller().map(|caller| &**caller),
            &self.origin,
            event,
        )
        .into()
    }
}

impl<A: Authenticated> Door<A> {
    /// The caller.
    pub fn principal(&self) -> &Arc<Principal> {
        A::principal(&self.held)
    }

    /// Hand-written statements, limited to the rows that the door reaches, for what its methods
    /// cannot express. They take part in the door's transaction. See [`Sql`].
    pub fn sql(&self) -> Sql {
        let limit = Limit {
            kind: A::KIND,
            owner: self.own_id(),
        };

        self.statements(self.executor.clone(), Some(limit))
    }

    /// Reads one row.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row.
    pub async fn get<E>(&self, id: Id<E>) -> Result<E, Error>
    where
        E: Entity<Scope: ReadBy<A>>,
    {
        if sealed::<E>()
            && let Some(key) = self.database().kept_key(id.uuid())
            && let Some(row) = self.get_under(id, &key).await?
        {
            return Ok(row);
        }
        let statements = statements::<E>();
        let rows = self.find(id, statements.find.as_str()).await?;
        self.decode(rows.first().ok_or(Error::NotFound)?)
    }

    /// Reads a row with a cached data key; `None` if the row has another key now.
    async fn get_under<E: Entity>(&self, id: Id<E>, key: &DataKey) -> Result<Option<E>, Error> {
        let rows = self.find(id, statements::<E>().find_under.as_str()).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if row.decode::<i64>(E::COLUMNS.len())? == key.id() {
            return self.decode_under(row, Some(key)).map(Some);
        }

        self.database().forget_key(id.uuid());
        Ok(None)
    }

    /// Reads one row with its sealed fields, and records that they were revealed to the caller.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row.
    pub async fn reveal<E>(&self, id: Id<E>) -> Result<Revealed<E>, Error>
    where
        E: Entity<Scope: WrittenBy<A, E>>,
    {
        self.refuse_unshown(id).await?;

        let statements = statements::<E>();
        let mut values = self.record::<E>("revealed", id);
        values.push(uuid(id.uuid()));

        let rows = self
            .write(Statement::new(
                statements.names.reveal,
                statements.reveal.as_str(),
                values,
            ))
            .await?;

        let row = self.decode(rows.first().ok_or(Error::NotFound)?)?;

        Ok(Revealed::new(row, Disclosure::recorded_in_the_audit_log()))
    }

    /// For `HEAD`: fails before anything is decrypted or recorded, and says only whether the row
    /// exists.
    pub(crate) async fn refuse_unshown<E: Entity>(&self, id: Id<E>) -> Result<(), Error> {
        if self.shows {
            return Ok(());
        }

        let rows = self.find(id, statements::<E>().find.as_str()).await?;
        Err(if rows.is_empty() {
            Error::NotFound
        } else {
            Error::NotShown
        })
    }
}

pub(crate) fn uuid(id: Uuid) -> Value {
    Value::Uuid(Some(id))
}
