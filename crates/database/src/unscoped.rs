use std::sync::Arc;

use mainstay_access::Principal;
use mainstay_crypto::{Cell, DataKey, Personal, SealError, Sealed};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::Serialize;

use crate::{
    Database, Error, Event, Job, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
    job,
    statement::Statement,
};

/// The loud way around the door: statements that no organization limits, for accounts, sessions and upkeep.
///
/// Each use says why, and a test lists them all. A feature of an app has no business here.
pub struct Unscoped {
    database: Database,
    origin: Origin,
    actor: Option<Arc<Principal>>,
}

impl Unscoped {
    /// Goes around the door. `why` is for the reader of the code: what makes the limit to one organization impossible.
    pub fn because(_why: &'static str, database: &Database, origin: Origin, actor: Option<Arc<Principal>>) -> Self {
        Self { database: database.clone(), origin, actor }
    }

    /// The pool, the key ring and the clock.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Seals a value under the data key of an account.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key does not open.
    pub fn seal_own<T: Personal>(&self, key: &OwnKey, cell: &Cell<'_>, value: &Sealed<T>) -> Result<Vec<u8>, Error> {
        let random = &self.database.runtime().random;
        Ok(value.seal(&self.unwrap(key, cell)?, random, cell))
    }

    /// Opens a sealed value that is shown to the very person whom it describes, or to whoever writes to them in their own
    /// matter, so that nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key or the value does not open there.
    pub fn open_own<T: Personal>(&self, key: &OwnKey, cell: &Cell<'_>, sealed: &[u8]) -> Result<T, Error> {
        let plaintext = self.unwrap(key, cell)?.open(cell, sealed).map_err(|error| refused(cell, error))?;
        T::from_plaintext(&plaintext).ok_or_else(|| refused(cell, SealError::Malformed))
    }

    fn unwrap(&self, key: &OwnKey, cell: &Cell<'_>) -> Result<DataKey, Error> {
        let opened = self.database.ring().unwrap(key.id, cell.organization, key.subject, &key.wrapped);
        opened.map_err(|error| refused(cell, error))
    }

    /// The values of the record of an event, in the order of its columns.
    pub(crate) fn record_of(&self, event: Event) -> [Value; WIDTH] {
        record(self.database.runtime(), self.actor.as_deref(), &self.origin, event)
    }

    /// Runs a static query.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn select(
        &self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.database.read(Statement::new(name, text, values.into_iter().collect())).await
    }

    /// Does a [`Change`], writes its event and queues its jobs, in one statement. The rows of the clause named `changed`
    /// are the answer, unless the change names another clause; without any in `changed`, nothing happened, nothing is
    /// recorded and nothing queued.
    ///
    /// # Errors
    /// As the database answers; then nothing was changed and nothing recorded.
    pub async fn change(&self, change: Change) -> Result<Vec<Row>, Error> {
        let Change { name, clauses, answer, mut values, event, jobs, shows_rows } = change;
        let recorded = placeholders(values.len() + 1, WIDTH);
        values.extend(self.record_of(event));
        let mut queued = String::new();
        if !jobs.is_empty() {
            queued = job::queued(values.len() + 1);
            values.extend(job::values(jobs));
        }
        let shown = if shows_rows { ", before, after" } else { "" };
        let text = format!(
            "WITH {clauses}, recorded AS (INSERT INTO audit_events ({COLUMNS}{shown}) \
             SELECT {recorded}{shown} FROM changed LIMIT 1){queued} \
             SELECT * FROM {answer}"
        );
        self.database.write(Statement::new(name, text, values)).await
    }

    /// Work of this kind, to be queued with a [`Change`].
    ///
    /// # Errors
    /// [`Error::Internal`] when the payload has no JSON form.
    pub fn job(&self, kind: &'static str, payload: &impl Serialize) -> Result<Job, Error> {
        Job::new(kind, payload, self.database.ring(), self.database.runtime())
    }

    /// Writes `event` alone: for what was refused or merely seen.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn record(&self, event: Event) -> Result<(), Error> {
        self.change(Change::new("audit_events.insert", "changed AS (SELECT 1)", [], event)).await.map(drop)
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
        self.database.write(Statement::new(name, text, values.into_iter().collect())).await
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
    Error::internal(format!("{}.{} does not open: {error}", cell.table, cell.column))
}

/// A change that no organization limits: what it does, what the audit log is told of it, and what is to be done later.
pub struct Change {
    name: &'static str,
    clauses: &'static str,
    answer: &'static str,
    values: Vec<Value>,
    event: Event,
    jobs: Vec<Job>,
    shows_rows: bool,
}

impl Change {
    /// `clauses` are the CTE clauses of the change (`name AS (…)`, separated by commas), `values` theirs from `$1` on. The
    /// clause named `changed` decides what happened.
    pub fn new(
        name: &'static str,
        clauses: &'static str,
        values: impl IntoIterator<Item = Value>,
        event: Event,
    ) -> Self {
        let values = values.into_iter().collect();
        Self { name, clauses, answer: "changed", values, event, jobs: Vec::new(), shows_rows: false }
    }

    /// Answers the rows of another clause than `changed`: for a change that has something to tell also when it did not
    /// happen.
    #[must_use]
    pub fn answering(mut self, clause: &'static str) -> Self {
        self.answer = clause;
        self
    }

    /// Records what was changed from and to: the columns `before` and `after` of `changed`, both `jsonb`.
    #[must_use]
    pub fn showing_rows(mut self) -> Self {
        self.shows_rows = true;
        self
    }

    /// Queues a job with the change.
    #[must_use]
    pub fn queue(mut self, job: impl Into<Option<Job>>) -> Self {
        self.jobs.extend(job.into());
        self
    }
}
