//! Kept connections, one statement a trip.
//!
//! `sqlx::PgPool` pings when a connection is taken and again when it is given back: two round trips more than the
//! statement itself. Here a connection is used until it fails. One that is dropped in the middle of a statement is closed,
//! which ends the statement; one that is dropped between two returns to the pool, rolled back if it was in a transaction.
//! So neither a panic nor a deadline costs a connection unless a statement is running.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, PoolError, RecycleResult, Timeouts},
};
use futures_util::future::join_all;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;

use crate::{
    DatabaseUrl, Error, Row, Settings,
    statement::{Encoded, Statement},
};

pub(crate) struct Pool(deadpool::managed::Pool<Connector>);

/// A connection on loan. Dropping it leaves nothing for the next request to trip over: see the module.
pub(crate) struct Lease {
    connection: Option<Object<Connector>>,
    state: State,
}

/// What a connection is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Clean,
    InTransaction,
    /// A statement is running, or broke the connection.
    Unfit,
}

/// How long a rollback may take before its connection is closed instead.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Connector {
    url: DatabaseUrl,
    statement_timeout: Duration,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let connector = Connector { url: settings.url.clone(), statement_timeout: settings.statement_timeout };
        deadpool::managed::Pool::builder(connector)
            .max_size(settings.pool_size)
            .timeouts(Timeouts {
                wait: Some(settings.acquire_timeout),
                create: Some(settings.acquire_timeout),
                recycle: None,
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map(Self)
            .map_err(Error::internal)
    }

    /// Opens every connection at once, so that the first requests do not pay for it.
    pub(crate) async fn warm(&self) -> Result<(), Error> {
        let opened = join_all((0..self.0.status().max_size).map(|_| self.lease())).await;
        opened.into_iter().try_for_each(|lease| {
            lease?.give_back();
            Ok(())
        })
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        match self.0.get().await {
            Ok(connection) => Ok(Lease { connection: Some(connection), state: State::Clean }),
            Err(PoolError::Backend(error)) => Err(match error {
                // A server that is there but refuses us is as unavailable as one that is not.
                Error::Internal(cause) => Error::Unavailable(cause),
                other => other,
            }),
            Err(timeout) => Err(Error::unavailable(timeout.to_string())),
        }
    }

    /// Closes every idle connection: called when one of them turns out to be dead, since its siblings are too.
    pub(crate) fn forget_idle(&self) {
        self.0.retain(|_, _| false);
    }

    /// Connections open, and of those idle.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let status = self.0.status();
        (status.size, status.available)
    }
}

impl Lease {
    /// Runs a statement. Until it has ended in order, the connection counts as unfit.
    pub(crate) async fn run(&mut self, statement: Encoded) -> Result<Vec<Row>, Error> {
        let connection = self.connection.as_deref_mut();
        let connection = connection.ok_or_else(|| Error::internal("the connection was given back"))?;

        let before = std::mem::replace(&mut self.state, State::Unfit);
        let answer = statement.run(connection).await;
        if answer.as_ref().err().is_none_or(|error| !error.breaks_connection()) {
            self.state = before;
        }

        answer
    }

    /// Notes that a transaction has started.
    pub(crate) fn in_transaction(&mut self) {
        self.state = State::InTransaction;
    }

    pub(crate) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match (self.state, Handle::try_current()) {
            (State::Clean, _) => drop(connection),
            (State::InTransaction, Ok(runtime)) => drop(runtime.spawn(roll_back(connection))),
            (State::InTransaction, Err(_)) | (State::Unfit, _) => drop(Object::take(connection)),
        }
    }
}

/// Ends a transaction that nobody will commit, and returns its connection to the pool.
async fn roll_back(mut connection: Object<Connector>) {
    let rollback = Statement::new("rollback", "ROLLBACK", Vec::new()).run(&mut *connection);
    if !matches!(tokio::time::timeout(ROLLBACK_TIMEOUT, rollback).await, Ok(Ok(_))) {
        drop(Object::take(connection));
    }
}

impl Manager for Connector {
    type Type = PgConnection;
    type Error = Error;

    async fn create(&self) -> Result<PgConnection, Error> {
        self.url.connect(self.statement_timeout).await
    }

    async fn recycle(&self, _: &mut PgConnection, _: &Metrics) -> RecycleResult<Error> {
        Ok(())
    }
}
