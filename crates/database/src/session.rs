//! Connections that their holder has alone.

use std::time::Duration;

use sea_query::Value;
use sqlx::{Connection as _, postgres::PgConnection};
use tokio::time::timeout;

use crate::{
    Database, DatabaseUrl, Error, Row,
    connection::Limits,
    statement::{Patience, Statement},
};

/// A connection of one's own: for what is tied to it, such as an advisory lock, or takes longer than a request may.
///
/// Its statements are static and no organization limits them; it is for upkeep and for what an operator checks. One that
/// answers [`Error::Lost`] or [`Error::Closed`] is of no further use.
pub struct PostgresSession {
    postgres: PgConnection,
    patience: Patience,
}

/// How long a farewell, or a sign of life, may take.
const SHORT: Duration = Duration::from_secs(2);

impl Database {
    /// Opens a connection beside the pool, past a pooler. Its statements may run for `statement_timeout` each, without
    /// end if that is nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached.
    pub async fn session(&self, statement_timeout: Duration) -> Result<PostgresSession, Error> {
        let connecting = PostgresSession::connect(self.settings().direct(), statement_timeout);
        let connected = timeout(self.settings().acquire_timeout, connecting).await;
        connected.unwrap_or_else(|_| Err(Error::unavailable("no connection came about in time")))
    }
}

impl PostgresSession {
    /// Connects as whom the URL names.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached or does not prove its name.
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
    /// As the database answers.
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

    /// Makes sure that the connection still leads to Postgres, within two seconds.
    ///
    /// # Errors
    /// [`Error::Lost`] when it does not.
    pub async fn ping(&mut self) -> Result<(), Error> {
        let ping = Statement::new("session.ping", "SELECT 1", Vec::new());
        ping.run(&mut self.postgres, Patience::of(SHORT))
            .await
            .map(drop)
    }

    /// Asks Postgres to end the session, and what it holds, once it has heard nothing for `most`: a process that has
    /// frozen, or whose path is dead, keeps no lock for longer.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn ends_when_silent_for(&mut self, most: Duration) -> Result<(), Error> {
        let value = format!("{}ms", most.as_millis());
        let text = "SELECT set_config('idle_session_timeout', $1, false)";
        self.run("session.ends_when_silent", text, [value.into()])
            .await
            .map(drop)
    }

    /// Takes the advisory lock `key` of this database, unless another session has it. It is held for as long as the
    /// connection lasts.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn try_lock(&mut self, key: i64) -> Result<bool, Error> {
        let rows = self
            .run(
                "session.try_lock",
                "SELECT pg_try_advisory_lock($1)",
                [key.into()],
            )
            .await?;
        rows.first()
            .ok_or_else(|| Error::internal("a lock was neither had nor refused"))?
            .get(0)
    }

    /// Closes the connection gracefully.
    pub async fn close(self) {
        // On a timeout, dropping the connection closes it anyway.
        drop(timeout(SHORT, self.postgres.close()).await);
    }
}
