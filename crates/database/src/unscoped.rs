//! The way around the door: statements that no organization limits.

use std::{net::IpAddr, sync::Arc};

use mainstay_access::Principal;
use mainstay_crypto::{Cell, DataKey, Personal, SealError};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::Serialize;

use crate::{
    Change, Database, Error, Event, Job, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
    executor::Executor,
    job,
    precondition::held,
    statement::Statement,
};

/// The loud way around the door: statements that no organization limits, for accounts, sessions and upkeep.
///
/// Each use says why, and a test lists them all. A feature of an app has no business here.
pub struct Unscoped {
    executor: Executor,
    origin: Origin,
    actor: Option<Arc<Principal>>,
    shows: bool,
}

impl Unscoped {
    /// Goes around the door. `why` says what makes the limit to one organization impossible: it stands in the spans of the
    /// statements, and in the log lines about slow and failed ones.
    pub fn because(
        why: &'static str,
        database: &Database,
        origin: Origin,
        actor: Option<Arc<Principal>>,
    ) -> Self {
        Self::on(why, Executor::pooled(database.clone()), origin, actor)
    }

    /// As [`because`](Self::because), as part of the executor's transaction, if it has one.
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

    /// Says whether what is read is shown: see [`Door::showing`](crate::Door::showing).
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

    /// Opens a sealed value that is shown to the very person whom it describes, or to whoever writes to them in their
    /// own matter, so that nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key or the value does not open there.
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

    /// The values of the record of an event, in the order of its columns.
    pub(crate) fn record_of(&self, event: Event) -> [Value; WIDTH] {
        record(
            self.database().runtime(),
            self.actor.as_deref(),
            &self.origin,
            event,
        )
    }

    /// Runs a static query. It reads: see [`Door::select`](crate::Door::select).
    ///
    /// # Errors
    /// As the database answers; [`Error::Internal`] when the text writes.
    pub async fn select(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.executor.query(name, text, values).await
    }

    /// Does a [`Change`], writes its event and queues its jobs, in one statement. The rows of the clause named
    /// `changed` are the answer, unless the change names another clause; without any in `changed`, nothing happened,
    /// nothing is recorded and nothing queued.
    ///
    /// # Errors
    /// As the database answers; then nothing was changed and nothing recorded.
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

        let mut queued = String::new();
        if !jobs.is_empty() {
            queued = job::queued(values.len() + 1);
            values.extend(job::values(jobs));
        }

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

    /// Work of this kind, to be queued with a [`Change`].
    ///
    /// # Errors
    /// [`Error::Internal`] when the payload has no JSON form.
    pub fn job(&self, kind: &'static str, payload: &impl Serialize) -> Result<Job, Error> {
        Job::new(
            kind,
            payload,
            self.database().ring(),
            self.database().runtime(),
        )
    }

    /// Writes `event` alone: for what was refused or merely seen.
    ///
    /// # Errors
    /// As the database answers.
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

    /// Writes what is only upkeep and leaves no record: rows that no person ever made.
    ///
    /// # Errors
    /// As the database answers.
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

/// The data key of an account, as it was read with it.
#[derive(Clone)]
pub struct OwnKey {
    /// Its id in `data_keys`.
    pub id: i64,
    /// Whose it is.
    pub subject: Uuid,
    /// Its wrapped form.
    pub wrapped: Vec<u8>,
}

fn refused(cell: &Cell<'_>, error: SealError) -> Error {
    Error::internal(format!(
        "{}.{} does not open: {error}",
        cell.table, cell.column
    ))
}
