use std::sync::Arc;

use mainstay_access::Principal;
use mainstay_crypto::{Cell, Personal, SealError};
use sea_query::Value;

use crate::{
    Database, Error, Event, Origin, Row,
    audit::{COLUMNS, WIDTH, placeholders, record},
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

    /// Opens a sealed value that is shown to the very person whom it describes, so that nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key or the value does not open there.
    pub fn open_own<T: Personal>(&self, key: i64, wrapped: &[u8], cell: &Cell<'_>, sealed: &[u8]) -> Result<T, Error> {
        let refused = |error| Error::internal(format!("{}.{} does not open: {error}", cell.table, cell.column));
        let key = self.database.ring().unwrap(key, cell.organization, cell.row, wrapped).map_err(refused)?;
        let plaintext = key.open(cell, sealed).map_err(refused)?;
        T::from_plaintext(&plaintext).ok_or_else(|| refused(SealError::Malformed))
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

    /// Changes data and writes `event` for each row of the change, in one statement. `clauses` are the CTE clauses of
    /// the change (`name AS (…)`, separated by commas); the one named `changed` decides what happened, and its rows
    /// are the answer.
    ///
    /// # Errors
    /// As the database answers; then nothing was changed and nothing recorded.
    pub async fn change(
        &self,
        name: &'static str,
        clauses: &'static str,
        values: impl IntoIterator<Item = Value>,
        event: Event,
    ) -> Result<Vec<Row>, Error> {
        let mut values: Vec<Value> = values.into_iter().collect();
        let recorded = placeholders(values.len() + 1, WIDTH);
        values.extend(record(self.database.runtime(), self.actor.as_deref(), &self.origin, event));
        let text = format!(
            "WITH {clauses}, recorded AS (INSERT INTO audit_events ({COLUMNS}) SELECT {recorded} FROM changed) \
             SELECT * FROM changed"
        );
        self.database.write(Statement::new(name, text, values)).await
    }

    /// Writes `event` alone: for what was refused or merely seen.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn record(&self, event: Event) -> Result<(), Error> {
        self.change("audit_events.insert", "changed AS (SELECT 1)", [], event).await.map(drop)
    }

    /// Deletes what is only upkeep and leaves no record: rows that no person ever made.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn upkeep(&self, name: &'static str, text: &'static str) -> Result<(), Error> {
        self.database.write(Statement::new(name, text, Vec::new())).await.map(drop)
    }
}
