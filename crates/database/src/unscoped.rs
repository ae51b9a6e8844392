//! Access without the door: statements that are not limited to an organization.

use std::{net::IpAddr, sync::Arc};

use mainstay_access::Principal;
use mainstay_crypto::{Cell, DataKey, Personal, SealError};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::Serialize;

use crate::{
    Change, Database, Error, Event, FromRow, Job, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
    executor::Executor,
    job,
    precondition::held,
    statement::Statement,
};

/// Access that is not limited to an organization, for accounts, sessions and periodic tasks.
///
/// Each use gives a reason, and a test lists all uses. Modules of an app should not need it.
pub struct Unscoped {
    executor: Executor,
    origin: Origin,
    actor: Option<Arc<Principal>>,
    shows: bool,
}

impl Unscoped {
    /// Creates unlimited access. `why` says why access cannot be limited to one organization. It
    /// appears in the spans of the statements, and in the log lines of slow and failed ones.
    pub fn because(
        why: &'static str,
        database: &Database,
        origin: Origin,
        actor: Option<Arc<Principal>>,
    ) -> Self {
        Self::on(why, Executor::pooled(database.clone()), origin, actor)
    }

    /// Like [`because`](Self::because), but as part of the executor's transaction, if it has one.
    pub(crate) fn on(
        why: &'static str,
        executor: Executor,
        origin: Origin,
        actor: Option<Arc<Principal>>,
    ) -> Self {
        Self {
            executor: executor.unscoped(why),
            origin,
            actor,
            shows: true,
        }
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
        self.executor
            .write(Statement::new(name, text, values.into_iter().collect()))
            .await
    }
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
