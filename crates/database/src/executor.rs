//! Where the statements of a door run: on the pool, or on the connection of a transaction.

use std::sync::Arc;

use sea_query::Value;
use tokio::sync::Mutex;

use crate::{Database, Error, Row, pool::Lease, statement::Statement};

/// Runs the statements of a door, and of what goes around it: each on any connection of the pool, or all of them on the one
/// of a transaction.
#[derive(Clone)]
pub(crate) struct Executor {
    database: Database,
    transaction: Option<Running>,
    /// Why no organization limits its statements; nothing for those of a door.
    unscoped: Option<&'static str>,
}

/// The connection of a transaction, shared by everything that takes part in it; nothing once it has ended.
#[derive(Clone)]
struct Running(Arc<Mutex<Option<Lease>>>);

impl Executor {
    /// Each statement on any connection.
    pub(crate) fn pooled(database: Database) -> Self {
        Self {
            database,
            transaction: None,
            unscoped: None,
        }
    }

    /// Every statement on this connection, which is in a transaction.
    pub(crate) fn on(database: Database, lease: Lease) -> Self {
        Self {
            database,
            transaction: Some(Running(Arc::new(Mutex::new(Some(lease))))),
            unscoped: None,
        }
    }

    /// The same, for statements that no organization limits: their spans and log lines say `why`.
    pub(crate) fn unscoped(self, why: &'static str) -> Self {
        Self {
            unscoped: Some(why),
            ..self
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn is_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Runs a statement of this room that changes nothing, once more on another connection if the first was dead.
    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let statement = statement.unscoped(self.unscoped);

        match &self.transaction {
            None => self.database.read(statement).await,
            Some(running) => running.run(&self.database, statement).await,
        }
    }

    /// Runs a statement, once.
    pub(crate) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let statement = statement.unscoped(self.unscoped);

        match &self.transaction {
            None => self.database.write(statement).await,
            Some(running) => running.run(&self.database, statement).await,
        }
    }

    /// Runs somebody's query, and nothing but a query: see [`read_only`] and, in a transaction, [`query_alone`].
    pub(crate) async fn query(
        &self,
        name: &'static str,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        let values = values.into_iter().collect();
        let statement = match self.transaction {
            None => Statement::new(name, read_only(text), values).read_only(),
            Some(_) => Statement::new(name, query_alone(text), values),
        };
        self.read(statement).await
    }

    /// Ends the transaction's part in the connection, which is the caller's from now on.
    pub(crate) async fn end(&self) -> Option<Lease> {
        self.transaction.as_ref()?.0.lock().await.take()
    }

    /// As [`end`](Self::end), unless a statement is running just now: then the connection is rolled back behind it.
    pub(crate) fn abandon(&self) {
        if let Some(running) = &self.transaction
            && let Ok(mut lease) = running.0.try_lock()
        {
            drop(lease.take());
        }
    }
}

impl Running {
    async fn run(&self, database: &Database, statement: Statement) -> Result<Vec<Row>, Error> {
        let mut lease = self.0.lock().await;
        let lease = lease
            .as_mut()
            .ok_or_else(|| Error::internal("the transaction has ended"))?;
        database.run_on(lease, statement).await
    }
}

/// The text as a query that Postgres refuses to let write: a statement that changes rows is none of a query's parts and
/// fails before it starts, and a function that does so fails in a transaction that is read-only by then. The condition
/// refers to no row, so that it is asked before the first.
fn read_only(text: &str) -> String {
    format!(
        "{} WHERE (SELECT set_config('transaction_read_only', 'on', true)::boolean)",
        query_alone(text)
    )
}

/// The text as a query that Postgres refuses if it is another statement. What its functions do is theirs: a transaction that
/// was made read-only would stay so.
fn query_alone(text: &str) -> String {
    // The text may end with a comment.
    format!(
        r"
            SELECT answer.*
            FROM (WITH query AS MATERIALIZED ({text} ) SELECT * FROM query) AS answer
        "
    )
}
