use std::{net::IpAddr, sync::Arc};

use mainstay_access::Principal;
use mainstay_crypto::{Cell, DataKey, Personal, SealError, Sealed};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::Serialize;

use crate::{
    Database, Error, Event, Job, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
    executor::Executor,
    job,
    premise::{Premise, held},
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
    /// Goes around the door. `why` is for the reader of the code: what makes the limit to one organization impossible.
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
        _why: &'static str,
        executor: Executor,
        origin: Origin,
        actor: Option<Arc<Principal>>,
    ) -> Self {
        Self {
            executor,
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

    /// The client's address, where there is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }

    /// Opens a sealed value that is shown to the very person whom it describes, or to whoever writes to them in their own
    /// matter, so that nothing is recorded.
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

    fn unwrap(&self, key: &OwnKey, cell: &Cell<'_>) -> Result<DataKey, Error> {
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

    /// Does a [`Change`], writes its event and queues its jobs, in one statement. The rows of the clause named `changed`
    /// are the answer, unless the change names another clause; without any in `changed`, nothing happened, nothing is
    /// recorded and nothing queued.
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
            premises,
        } = change;

        if !premises.is_empty() && !clauses.contains("held") {
            return Err(Error::internal(format!(
                "{name} has premises that its clauses do not ask for"
            )));
        }

        let held = held(premises, &mut values);
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
                    INSERT INTO audit_events ({COLUMNS}{shown})
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

    /// Does a [`Change`] that writes values sealed under the data key of an account: `make` seals them under the key that
    /// it is given, and the clauses change something only if there is a row in `held`. There is none when the account has
    /// got another key since `key` was read; then the values are sealed once more, under that one.
    ///
    /// While the statement runs, the account keeps its key.
    ///
    /// # Errors
    /// As the database answers, or `make`.
    pub async fn change_sealed(
        &self,
        key: &OwnKey,
        make: impl Fn(&HeldKey<'_>) -> Result<Change, Error>,
    ) -> Result<Vec<Row>, Error> {
        let mut held = HeldKey {
            unscoped: self,
            key: key.clone(),
        };

        for _ in 0..2 {
            let rows = self.change(make(&held)?.under(&held.key)).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            match self.key_instead_of(&held.key).await? {
                Some(other) => held.key = other,
                None => return Ok(rows),
            }
        }

        Err(Error::Contended)
    }

    /// The data key of an account, if it is not the one that is known.
    async fn key_instead_of(&self, known: &OwnKey) -> Result<Option<OwnKey>, Error> {
        const FIND: &str = r"
            SELECT k.id, k.wrapped
            FROM users u
            JOIN data_keys k ON k.id = u.data_key
            WHERE u.id = $1 AND k.id <> $2
        ";

        let rows = self
            .select(
                "users.data_key",
                FIND,
                [known.subject.into(), known.id.into()],
            )
            .await?;

        let read = |row: &Row| {
            Ok(OwnKey {
                id: row.get(0)?,
                subject: known.subject,
                wrapped: row.get(1)?,
            })
        };

        rows.first().map(read).transpose()
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

/// The data key of an account to seal under. [`Unscoped::change_sealed`] alone hands it out: the account still has it when
/// what was sealed is written.
pub struct HeldKey<'a> {
    unscoped: &'a Unscoped,
    key: OwnKey,
}

impl HeldKey<'_> {
    /// Seals a value for its cell.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key does not open.
    pub fn seal<T: Personal>(&self, cell: &Cell<'_>, value: &Sealed<T>) -> Result<Vec<u8>, Error> {
        let random = &self.unscoped.database().runtime().random;
        Ok(value.seal(&self.unscoped.unwrap(&self.key, cell)?, random, cell))
    }
}

fn refused(cell: &Cell<'_>, error: SealError) -> Error {
    Error::internal(format!(
        "{}.{} does not open: {error}",
        cell.table, cell.column
    ))
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
    /// What must still hold, in the order in which the rows are locked.
    premises: Vec<Premise>,
}

impl Change {
    /// `clauses` are the CTE clauses of the change (`name AS (…)`, separated by commas), `values` theirs from `$1` on. The
    /// clause named `changed` decides what happened. They may ask for `held`, which has one row, except as
    /// [`Unscoped::change_sealed`] and [`Change::given`] say.
    pub fn new(
        name: &'static str,
        clauses: &'static str,
        values: impl IntoIterator<Item = Value>,
        event: Event,
    ) -> Self {
        let values = values.into_iter().collect();
        Self {
            name,
            clauses,
            answer: "changed",
            values,
            event,
            jobs: Vec::new(),
            shows_rows: false,
            premises: Vec::new(),
        }
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

    /// Makes the change only while `premises` hold. The clauses must ask for `held`, which has no row otherwise; then nothing
    /// happens.
    #[must_use]
    pub fn given(mut self, premises: impl IntoIterator<Item = Premise>) -> Self {
        self.premises.extend(premises);
        self
    }

    fn under(self, key: &OwnKey) -> Self {
        self.given([Premise::data_key(key.subject, key.id)])
    }

    /// Queues a job with the change.
    #[must_use]
    pub fn queue(mut self, job: impl Into<Option<Job>>) -> Self {
        self.jobs.extend(job.into());
        self
    }
}
