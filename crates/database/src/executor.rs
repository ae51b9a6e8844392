//! Runs the statements of a door: on the pool, or on the connection of a transaction.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_query::Value;
use tokio::sync::Mutex;

use crate::{
    Database, Error, FromRow, Row,
    from_row::{Expectation, expect, read_rows},
    pool::Lease,
    statement::Statement,
};

/// Runs the statements of a door or of [`Sql`](crate::Sql): each on any connection of the pool, or all
/// of them on the connection of a transaction.
#[derive(Clone)]
pub(crate) struct Executor {
    database: Database,
    transaction: Option<Running>,
    /// Why its statements are not limited to an owner, where they are not.
    unlimited: Option<&'static str>,
}

/// A transaction, shared by all its participants.
#[derive(Clone)]
struct Running(Arc<Shared>);

struct Shared {
    /// Its connection; `None` after it has ended.
    lease: Mutex<Option<Lease>>,
    /// Whether Postgres rolled it back in favour of another.
    aborted: AtomicBool,
}

impl Executor {
    /// Runs each statement on any connection.
    pub(crate) fn pooled(database: Database) -> Self {
        Self {
            database,
            transaction: None,
            unlimited: None,
        }
    }

    /// Runs all statements on this connection, which is in a transaction.
    pub(crate) fn on(database: Database, lease: Lease) -> Self {
        Self {
            database,
            transaction: Some(Running(Arc::new(Shared {
                lease: Mutex::new(Some(lease)),
                aborted: AtomicBool::new(false),
            }))),
            unlimited: None,
        }
    }

    /// The same, for unlimited statements: their spans and log lines say `why`.
    pub(crate) fn unlimited(self, why: &'static str) -> Self {
        Self {
            unlimited: Some(why),
            ..self
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn is_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether Postgres rolled the transaction back in favour of another.
    pub(crate) fn was_aborted(&self) -> bool {
        self.transaction
            .as_ref()
            .is_some_and(|running| running.0.aborted.load(Ordering::Relaxed))
    }

    /// Runs a trusted statement that only reads; repeats it on another connection if the first was
    /// dead.
    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let statement = statement.unlimited(self.unlimited);

        match &self.transaction {
            None => self.database.read(statement).await,
            Some(running) => running.run(&self.database, statement).await,
        }
    }

    /// Runs a statement that writes, once.
    pub(crate) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let statement = statement.unlimited(self.unlimited);

        match &self.transaction {
            None => self.database.write(statement).await,
            Some(running) => running.run(&self.database, statement).await,
        }
    }

    /// Runs a custom query, which must not write: see [`read_only`] and, in a transaction,
    /// [`query_only`].
    pub(crate) async fn query(
        &self,
        name: &'static str,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.expecting(name, text, values.into_iter().collect(), None)
            .await
    }

    /// The same, and reads each row as a `T`.
    pub(crate) async fn query_as<T: FromRow>(
        &self,
        name: &'static str,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, Error> {
        let values = values.into_iter().collect();
        let rows = self
            .expecting(name, text, values, Some(expect::<T>))
            .await?;
        read_rows(&rows)
    }

    async fn expecting(
        &self,
        name: &'static str,
        text: &str,
        values: Vec<Value>,
        expectation: Option<Expectation>,
    ) -> Result<Vec<Row>, Error> {
        let statement = match self.transaction {
            None => Statement::new(name, read_only(text), values).read_only(),
            Some(_) => Statement::new(name, query_only(text), values),
        };

        self.read(statement.expecting(expectation)).await
    }

    /// Takes the connection out of the transaction and hands it to the caller.
    pub(crate) async fn end(&self) -> Option<Lease> {
        self.transaction.as_ref()?.0.lease.lock().await.take()
    }

    /// Drops the connection, unless a statement is running; that one rolls back when it ends.
    pub(crate) fn abandon(&self) {
        if let Some(running) = &self.transaction
            && let Ok(mut lease) = running.0.lease.try_lock()
        {
            drop(lease.take());
        }
    }
}

impl Running {
    async fn run(&self, database: &Database, statement: Statement) -> Result<Vec<Row>, Error> {
        let mut lease = self.0.lease.lock().await;
        let lease = lease
            .as_mut()
            .ok_or_else(|| Error::internal("the transaction has ended"))?;
        let answer = database.run_on(lease, statement).await;

        if matches!(answer, Err(Error::Aborted)) {
            self.0.aborted.store(true, Ordering::Relaxed);
        }

        answer
    }
}

/// Wraps a query so that it cannot write: a data-modifying statement is not allowed in a subquery,
/// and a function that writes fails because the transaction is read-only. The condition refers to
/// no row, so Postgres evaluates it first.
fn read_only(text: &str) -> String {
    let query = query_only(text);
    format!(
        r"
            {query}
            WHERE (SELECT set_config('transaction_read_only', 'on', true)::boolean)
        "
    )
}

/// Wraps a text so that Postgres refuses anything but a query. Functions that it calls may write:
/// in a longer transaction, making it read-only would affect later statements.
fn query_only(text: &str) -> String {
    format!(
        r"
            SELECT answer.*
            FROM (
                WITH query AS MATERIALIZED (
                    {text}
                )
                SELECT *
                FROM query
            ) AS answer
        "
    )
}
