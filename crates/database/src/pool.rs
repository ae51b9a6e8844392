//! The connection pool: one round trip per statement.
//!
//! `sqlx::PgPool` pings when a connection is taken and when it is returned, which costs two more
//! round trips. Here, a connection is used until it fails; `liveness.rs` decides what that says
//! about the others. A connection that is dropped during a statement is closed, which cancels the
//! statement. One that is dropped between statements returns to the pool, rolled back if it was in
//! a transaction. So a panic or a deadline costs a connection only while a statement is running.

use std::time::{Duration, Instant};

use deadpool::{
    Runtime,
    managed::{
        Manager, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType, Timeouts,
    },
};
use futures_util::future::join_all;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;

use crate::{
    DatabaseUrl, Error, Row, Settings,
    connection::Limits,
    liveness::{Assessment, Liveness},
    statement::{Encoded, Patience, Statement, check_columns},
    unsettled::note_unsettled,
};

pub(crate) struct Pool(deadpool::managed::Pool<Connector>);

/// The state of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Number of idle connections.
    pub idle: usize,
    /// Number of connections in use.
    pub used: usize,
    /// Maximum number of connections.
    pub most: usize,
    /// Number of callers that wait for a connection.
    pub waiting: usize,
}

/// A connection taken from the pool. Dropping it never leaves a transaction or statement behind:
/// see the module.
pub(crate) struct Lease {
    connection: Option<Object<Connector>>,
    state: State,
    patience: Patience,
    liveness: Liveness,
}

/// A connection, and when Postgres last responded on it.
pub(crate) struct Kept {
    postgres: PgConnection,
    heard: Instant,
}

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Clean,
    InTransaction,
    /// A statement is running.
    Running {
        is_lasting: bool,
    },
    /// The connection broke.
    Broken,
}

/// Timeout of a rollback, after which the connection is closed instead.
const ROLLBACK: Patience = Patience::of(Duration::from_secs(5));

/// Timeout of a ping on a suspect connection.
const PING: Patience = Patience::of(Duration::from_secs(1));

/// Timeout for opening the first connections.
const WARMING: Duration = Duration::from_secs(30);

pub(crate) struct Connector {
    url: DatabaseUrl,
    limits: Limits,
    patience: Patience,
    liveness: Liveness,
}

impl Pool {
    /// A pool to the server that `settings` name. Pools that share `liveness` learn from each
    /// other's connections.
    pub(crate) fn new(settings: &Settings, liveness: Liveness) -> Result<Self, Error> {
        let connector = Connector {
            url: settings.url.clone(),
            limits: settings.limits(),
            patience: Patience::beyond(settings.statement_timeout),
            liveness,
        };

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

    /// Opens all connections in parallel, so that the first requests do not wait for them. Each can
    /// be used as soon as it is open.
    pub(crate) async fn warm(&self) -> Result<(), Error> {
        let patience = Timeouts {
            wait: Some(WARMING),
            create: Some(WARMING),
            recycle: None,
        };

        let open = async || {
            self.0
                .timeout_get(&patience)
                .await
                .map(drop)
                .map_err(unavailable)
        };

        join_all((0..self.0.status().max_size).map(|_| open()))
            .await
            .into_iter()
            .collect()
    }

    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        let asked = Instant::now();
        let leased = self.0.get().await;

        metrics::histogram!("db_client_wait_duration_seconds")
            .record(asked.elapsed().as_secs_f64());
        match leased {
            Ok(connection) => Ok(self.lend(connection)),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Takes a connection without waiting; `None` if all of them are in use.
    pub(crate) async fn lease_at_once(&self) -> Result<Option<Lease>, Error> {
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            ..self.0.timeouts()
        };
        match self.0.timeout_get(&at_once).await {
            Ok(connection) => Ok(Some(self.lend(connection))),
            Err(PoolError::Timeout(TimeoutType::Wait)) if self.0.status().size > 0 => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn lend(&self, connection: Object<Connector>) -> Lease {
        let Connector {
            patience, liveness, ..
        } = self.0.manager();
        Lease {
            connection: Some(connection),
            state: State::Clean,
            patience: *patience,
            liveness: liveness.clone(),
        }
    }

    /// Closes idle connections that are considered dead.
    pub(crate) fn forget_dead(&self) {
        let liveness = &self.0.manager().liveness;
        self.0
            .retain(|kept, _| liveness.assess(kept.heard) != Assessment::Dead);
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.0.status();
        let used = status.size.saturating_sub(status.available);
        PoolStatus {
            idle: status.available,
            used,
            most: status.max_size,
            waiting: status.waiting,
        }
    }
}

/// A server that refuses connections is as unavailable as one that cannot be reached.
fn unavailable(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(error) => error.of_connecting(),
        timeout => Error::unavailable(timeout.to_string()),
    }
}

impl Lease {
    /// Runs a statement. The connection can be used again only after it has completed.
    pub(crate) async fn run(&mut self, statement: Encoded) -> Result<Vec<Row>, Error> {
        let kept = self.connection.as_deref_mut();
        let kept = kept.ok_or_else(|| Error::internal("the connection was already returned"))?;

        let running = State::Running {
            is_lasting: statement.is_lasting(),
        };
        let before = std::mem::replace(&mut self.state, running);
        let expectation = statement.expectation();
        let mut answer = statement.run(&mut kept.postgres, self.patience).await;

        // The columns of other results are checked when they are read.
        if let (Some(expectation), Ok([])) = (expectation, answer.as_deref()) {
            answer = check_columns(&mut kept.postgres, expectation)
                .await
                .map(|()| Vec::new());
        }

        if answer.as_ref().err().is_some_and(Error::breaks_connection) {
            self.state = State::Broken;
        } else {
            self.state = before;
            kept.heard = Instant::now();
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
        let Some(connection) = self.connection.take() else {
            return;
        };

        match (self.state, Handle::try_current()) {
            (State::Clean, _) => drop(connection),
            (State::InTransaction, Ok(runtime)) => {
                drop(runtime.spawn(roll_back(connection, self.liveness.clone())))
            }
            (State::InTransaction, Err(_)) | (State::Broken, _) => drop(Object::take(connection)),
            (State::Running { is_lasting }, _) => {
                self.liveness.suspected();
                if is_lasting {
                    note_unsettled();
                }
                drop(Object::take(connection));
            }
        }
    }
}

/// Rolls an abandoned transaction back, and returns its connection to the pool.
async fn roll_back(mut connection: Object<Connector>, liveness: Liveness) {
    let rollback =
        Statement::new("rollback", "ROLLBACK", Vec::new()).run(&mut connection.postgres, ROLLBACK);
    match rollback.await {
        Ok(_) => connection.heard = Instant::now(),
        Err(_) => {
            liveness.suspected();
            drop(Object::take(connection));
        }
    }
}

impl Manager for Connector {
    type Type = Kept;
    type Error = Error;

    async fn create(&self) -> Result<Kept, Error> {
        let postgres = self.url.connect(self.limits).await?;
        Ok(Kept {
            postgres,
            heard: Instant::now(),
        })
    }

    async fn recycle(&self, kept: &mut Kept, _: &Metrics) -> RecycleResult<Error> {
        match self.liveness.assess(kept.heard) {
            Assessment::Alive => Ok(()),
            Assessment::Dead => Err(RecycleError::message(
                "another connection to the same server broke",
            )),
            Assessment::Suspect => {
                let ping = Statement::new("ping", "SELECT 1", Vec::new())
                    .run(&mut kept.postgres, PING)
                    .await;
                if ping.as_ref().err().is_some_and(Error::breaks_connection) {
                    self.liveness.broke();
                }
                ping?;
                kept.heard = Instant::now();
                Ok(())
            }
        }
    }
}
