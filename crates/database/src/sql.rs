//! Hand-written statements: what a door's methods cannot express, such as changing several tables in
//! one statement.
//!
//! The statements of a [`Sql`] are limited to the rows of one owner, by construction: `tables.rs`
//! says whose rows a table has, and `limiter.rs` rewrites the text. Where no owner is known, a `Sql`
//! is unlimited and says why.

mod functions;
mod limit;
mod limiter;
mod owned;
mod tables;
#[cfg(test)]
mod tests;
mod writes;

use std::{net::IpAddr, sync::Arc};

use mainstay_access::Principal;
use mainstay_crypto::{Cell, DataKey, Personal, SealError};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::Serialize;

use self::limit::Form;
pub(crate) use self::limit::Limit;
pub use self::{owned::OwnerKind, tables::declared_tables};
use crate::{
    Change, Database, Error, Event, FromRow, Job, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
    executor::Executor,
    job,
    precondition::held,
    statement::Statement,
};

/// Runs hand-written statements, and records each change that they make.
///
/// A door creates one that is limited to the caller's rows: [`Door::sql`](crate::Door::sql).
/// Regardless of the text, it reads and writes the rows of the caller's organization, or of their
/// account, and no others. In the text, tables and functions of the platform have their schema.
///
/// An unlimited one reaches all rows, for authentication, operator commands and periodic tasks. It
/// gives a reason, and a test lists the reasons. Modules of an app should not need it.
pub struct Sql {
    executor: Executor,
    origin: Origin,
    actor: Option<Arc<Principal>>,
    shows: bool,
    limit: Option<Limit>,
}

impl Sql {
    /// Creates unlimited access. `why` is a sentence that says why it cannot be limited to one
    /// owner. It appears in the spans of the statements, and in the log lines of slow and failed
    /// ones.
    pub fn unlimited(
        why: &'static str,
        database: &Database,
        origin: Origin,
        actor: Option<Arc<Principal>>,
    ) -> Self {
        let executor = Executor::pooled(database.clone()).unlimited(why);
        Self::on(executor, origin, actor, None)
    }

    /// Access through an executor, as part of its transaction if it has one.
    pub(crate) fn on(
        executor: Executor,
        origin: Origin,
        actor: Option<Arc<Principal>>,
        limit: Option<Limit>,
    ) -> Self {
        Self {
            executor,
            origin,
            actor,
            shows: true,
            limit,
        }
    }

    /// The text that Postgres runs. If it is limited, the owner's ID is added to `values`.
    fn text(
        &self,
        name: &'static str,
        text: &'static str,
        form: Form,
        values: &mut Vec<Value>,
    ) -> Result<&'static str, Error> {
        let Some(limit) = self.limit else {
            return Ok(text);
        };

        let position = values.len() + 1;
        let limited = limit
            .text(text, form, position, self.database().sealed_tables())
            .map_err(|refusal| {
                Error::internal(format!("the statement {name} is refused: {refusal}"))
            })?;
        if limited.names_owner {
            values.push(limit.owner.into());
        }

        Ok(limited.text)
    }

    /// Whether it reaches the rows of this account.
    pub(crate) fn reaches(&self, account: Uuid) -> bool {
        self.limit
            .is_none_or(|limit| limit.kind == OwnerKind::Person && limit.owner == account)
    }

    /// Sets whether the data that is read is shown to the caller: see
    /// [`Door::showing`](crate::Door::showing).
    #[must_use]
    pub fn showing(mut self, shows: bool) -> Self {
        self.shows = shows;
        self
    }

    pub(crate) fn shows(&self) -> bool {
        self.shows
    }

    /// The pool, the key ring and the clock.
    pub fn database(&self) -> &Database {
        self.executor.database()
    }

    /// The client's address, if there is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }

    /// Decrypts a sealed value to show it to the person whom it describes, or to send them a
    /// message, so nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Internal`] if the key or the value cannot be decrypted.
    pub fn open_own<T: Personal>(
        &self,
        key: &OwnKey,
        cell: &Cell<'_>,
        sealed: &[u8],
    ) -> Result<T, Error> {
        let plaintext = self
            .unwrap(key, cell)?
            .open(cell, sealed)
            .map_err(|error| refused(cell, error))?;
        T::from_plaintext(&plaintext).ok_or_else(|| refused(cell, SealError::Malformed))
    }

    pub(crate) fn unwrap(&self, key: &OwnKey, cell: &Cell<'_>) -> Result<DataKey, Error> {
        let opened =
            self.database()
                .ring()
                .unwrap(key.id, cell.organization, key.subject, &key.wrapped);
        opened.map_err(|error| refused(cell, error))
    }

    /// The values of an event's record, in the order of its columns.
    pub(crate) fn record_of(&self, event: Event) -> [Value; WIDTH] {
        record(
            self.database().runtime(),
            self.actor.as_deref(),
            &self.origin,
            event,
        )
    }

    /// Runs a static query. It can only read: it runs in a read-only transaction, and Postgres
    /// refuses other statements. Within a [`Transaction`](crate::Transaction), functions called by
    /// the text can still write.
    ///
    /// # Errors
    /// The error of the database; [`Error::Internal`] if the text writes.
    pub async fn select(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        let mut values = with_room(values);
        let text = self.text(name, text, Form::Statement, &mut values)?;

        self.executor.query(name, text, values).await
    }

    /// Runs a static query, which can only read, and reads each row as a `T`.
    ///
    /// # Errors
    /// The error of the database; [`Error::Internal`] if the text writes, or does not return the
    /// columns of `T`.
    pub async fn query<T: FromRow>(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, Error> {
        let mut values = with_room(values);
        let text = self.text(name, text, Form::Statement, &mut values)?;

        self.executor.query_as(name, text, values).await
    }

    /// Makes a [`Change`], records its event and queues its jobs, in one statement. Returns the
    /// rows of the clause `changed`, unless the change names another clause. If `changed` has no
    /// rows, nothing is recorded and nothing queued.
    ///
    /// # Errors
    /// The error of the database; then nothing was changed or recorded.
    pub async fn change(&self, change: Change) -> Result<Vec<Row>, Error> {
        let Change {
            name,
            clauses,
            answer,
            mut values,
            event,
            jobs,
            shows_rows,
            preconditions,
        } = change;

        if !preconditions.is_empty() && !clauses.contains("held") {
            return Err(Error::internal(format!(
                "{name} has preconditions that its clauses do not ask for"
            )));
        }

        let clauses = self.text(name, clauses, Form::Clauses, &mut values)?;
        let held = held(preconditions, &mut values);
        let recorded = placeholders(values.len() + 1, WIDTH);
        values.extend(self.record_of(event));

        let queued = job::queued(jobs, &mut values);

        let shown = if shows_rows { ", before, after" } else { "" };
        let text = format!(
            r"
                WITH {held},
                {clauses},
                recorded AS (
                    INSERT INTO mainstay.audit_events ({COLUMNS}{shown})
                    SELECT {recorded}{shown}
                    FROM changed
                    LIMIT 1
                ){queued}
                SELECT *
                FROM {answer}
            "
        );

        self.executor
            .write(Statement::new(name, text, values))
            .await
    }

    /// Creates a job of this kind, to be queued with a [`Change`].
    ///
    /// # Errors
    /// [`Error::Internal`] if the payload cannot be serialized.
    pub fn job(&self, kind: &'static str, payload: &impl Serialize) -> Result<Job, Error> {
        Job::new(
            kind,
            payload,
            self.database().ring(),
            self.database().runtime(),
        )
    }

    /// Records `event` without a change, for requests that were refused or only read.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn record(&self, event: Event) -> Result<(), Error> {
        self.change(Change::new(
            "audit_events.insert",
            "changed AS (SELECT 1)",
            [],
            event,
        ))
        .await
        .map(drop)
    }

    /// Writes without an audit record, for maintenance of rows that no person created.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn upkeep(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        let mut values = with_room(values);
        let text = self.text(name, text, Form::Statement, &mut values)?;

        self.executor
            .write(Statement::new(name, text, values))
            .await
    }
}

/// The values, with room for the owner's ID.
fn with_room(values: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let values = values.into_iter();
    let mut all = Vec::with_capacity(values.size_hint().0 + 1);
    all.extend(values);
    all
}

/// The data key of an account, as read from the database.
#[derive(Clone)]
pub struct OwnKey {
    /// ID in `data_keys`.
    pub id: i64,
    /// ID of the account.
    pub subject: Uuid,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

fn refused(cell: &Cell<'_>, error: SealError) -> Error {
    Error::internal(format!(
        "cannot decrypt {}.{}: {error}",
        cell.table, cell.column
    ))
}
