//! Kept connections, one statement a trip.
//!
//! `sqlx::PgPool` pings when a connection is taken and again when it is given back: two round trips more than the
//! statement itself. Here a connection is used until it fails, and what that says of the others is in `liveness.rs`. One that
//! is dropped in the middle of a statement is closed, which ends the statement; one that is dropped between two returns to
//! the pool, rolled back if it was in a transaction. So neither a panic nor a deadline costs a connection unless a statement
//! is running.

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
    statement::{Encoded, Patience, Statement},
    unsettled::note_unsettled,
};

pub(crate) struct Pool(deadpool::managed::Pool<Connector>);

/// How a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that are open and lent to nobody.
    pub idle: usize,
    /// Connections that are lent.
    pub used: usize,
    /// Connections that there may be.
    pub most: usize,
    /// How many wait for one.
    pub waiting: usize,
}

/// A connection on loan. Dropping it leaves nothing for the next request to trip over: see the module.
pub(crate) struct Lease {
    connection: Option<Object<Connector>>,
    state: State,
    patience: Patience,
    liveness: Liveness,
}

/// A connection, and when Postgres last answered on it.
pub(crate) struct Kept {
    postgres: PgConnection,
    heard: Instant,
}

/// What a connection is in the middle of.
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

/// How long a rollback may take before its connection is closed instead.
const ROLLBACK: Patience = Patience::of(Duration::from_secs(5));

/// How long a doubtful connection may take to say that it is alive.
const PING: Patience = Patience::of(Duration::from_secs(1));

/// How long the first connections may take.
const WARMING: Duration = Duration::from_secs(30);

pub(crate) struct Connector {
    url: DatabaseUrl,
    limits: Limits,
    patience: Patience,
    liveness: Liveness,
}

impl Pool {
    /// A pool to the server that `settings` name. Pools that share `liveness` learn from each other's connections.
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

    /// Opens every connection at once, so that the first requests do not pay for it; each is there for them as soon as
    /// it is open. Nobody waits for it, so that a busy machine may take its time.
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

    /// A connection, if one is free or can be opened at once; none while all of them are in use.
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

    /// Closes the idle connections that are dead, since one of their siblings is.
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

/// A server that is there but refuses us is as unavailable as one that is not.
fn unavailable(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(error) => error.of_connecting(),
        timeout => Error::unavailable(timeout.to_string()),
    }
}

impl Lease {
    /// Runs a statement. Until it has ended in order, the connection is not fit for another.
    pub(crate) async fn run(&mut self, statement: Encoded) -> Result<Vec<Row>, Error> {
        let kept = self.connection.as_deref_mut();
        let kept = kept.ok_or_else(|| Error::internal("the connection was given back"))?;

        let running = State::Running {
            is_lasting: statement.is_lasting(),
        };
        let before = std::mem::replace(&mut self.state, running);
        let answer = statement.run(&mut kept.postgres, self.patience).await;

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

/// Ends a transaction that nobody will commit, and returns its connection to the pool.
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
                "a sibling is dead, and so is this connection",
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
