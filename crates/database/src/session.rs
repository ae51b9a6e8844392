//! Exclusive connections.

use std::time::Duration;

use sea_query::Value;
use sqlx::{Connection as _, postgres::PgConnection};
use tokio::time::timeout;

use crate::{
    Database, DatabaseUrl, Error, Row,
    connection::Limits,
    statement::{Patience, Statement},
};

/// A separate connection, for advisory locks and long statements.
///
/// Its statements are static and not limited to an organization; it is for periodic tasks and
/// operator commands. After [`Error::Lost`] or [`Error::Closed`], it must not be used again.
pub struct PostgresSession {
    postgres: PgConnection,
    patience: Patience,
}

/// Timeout of a ping, and of closing the connection.
const SHORT: Duration = Duration::from_secs(2);

impl Database {
    /// Opens a connection outside the pool, which bypasses a pooler. A `statement_timeout` of zero
    /// means no limit.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres cannot be reached.
    pub async fn session(&self, statement_timeout: Duration) -> Result<PostgresSession, Error> {
        let connecting = PostgresSession::connect(self.settings().direct(), statement_timeout);
        let connected = timeout(self.settings().acquire_timeout, connecting).await;
        connected.unwrap_or_else(|_| Err(Error::unavailable("connecting to Postgres timed out")))
    }
}

impl PostgresSession {
    /// Connects to the URL.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres cannot be reached or its certificate is not valid for its
    /// name.
    pub async fn connect(url: &DatabaseUrl, statement_timeout: Duration) -> Result<Self, Error> {
        let limits = Limits::OfSession {
            statement_timeout,
            lock_timeout: Some(statement_timeout),
        };
        let postgres = url.connect(limits).await.map_err(Error::of_connecting)?;

        Ok(Self {
            postgres,
            patience: Patience::beyond(statement_timeout),
        })
    }

    /// Runs a static statement.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn run(
        &mut self,
        name: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        Statement::new(name, text, values.into_iter().collect())
            .run(&mut self.postgres, self.patience)
            .await
    }

    /// Checks that Postgres responds within two seconds.
    ///
    /// # Errors
    /// [`Error::Lost`] if it does not.
    pub async fn ping(&mut self) -> Result<(), Error> {
        let ping = Statement::new("session.ping", "SELECT 1", Vec::new());
        ping.run(&mut self.postgres, Patience::of(SHORT))
            .await
            .map(drop)
    }

    /// Makes Postgres end the session and release its locks after `most` without a statement, so
    /// that a frozen or disconnected process does not keep a lock.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn ends_when_silent_for(&mut self, most: Duration) -> Result<(), Error> {
        let value = format!("{}ms", most.as_millis());
        let text = "SELECT set_config('idle_session_timeout', $1, false)";
        self.run("session.ends_when_silent", text, [value.into()])
            .await
            .map(drop)
    }

    /// Tries to take the advisory lock `key` of this database. The connection holds it until it
    /// closes.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn try_lock(&mut self, key: i64) -> Result<bool, Error> {
        let rows = self
            .run(
                "session.try_lock",
                "SELECT pg_try_advisory_lock($1)",
                [key.into()],
            )
            .await?;
        rows.first()
            .ok_or_else(|| Error::internal("pg_try_advisory_lock returned no row"))?
            .get(0)
    }

    /// Closes the connection gracefully.
    pub async fn close(self) {
        // On a timeout, dropping the connection closes it anyway.
        drop(timeout(SHORT, self.postgres.close()).await);
    }
}
