use std::time::Duration;

use sea_query::Value;
use sqlx::{Connection as _, postgres::PgConnection};
use tokio::time::timeout;

use crate::{Database, DatabaseUrl, Error, Row, statement::Statement};

/// A connection of one's own: for what is tied to it, such as an advisory lock, or takes longer than a request may.
///
/// Its statements are static and no organization limits them; it is for upkeep and for what an operator checks.
pub struct Session(PgConnection);

impl Database {
    /// Opens a connection beside the pool. Its statements may run for `statement_timeout` each, without end if that is
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached.
    pub async fn session(&self, statement_timeout: Duration) -> Result<Session, Error> {
        let connecting = Session::connect(&self.settings().url, statement_timeout);
        let connected = timeout(self.settings().acquire_timeout, connecting).await;
        connected.unwrap_or_else(|_| Err(Error::unavailable("no connection came about in time")))
    }
}

impl Session {
    /// Connects as whom the URL names.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached or does not prove its name.
    pub async fn connect(url: &DatabaseUrl, statement_timeout: Duration) -> Result<Self, Error> {
        url.connect(statement_timeout).await.map(Self)
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
        Statement::new(name, text, values.into_iter().collect()).run(&mut self.0).await
    }

    /// Takes the advisory lock `key` of this database, unless another session has it. It is held for as long as the
    /// connection lasts.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn try_lock(&mut self, key: i64) -> Result<bool, Error> {
        let rows = self.run("session.try_lock", "SELECT pg_try_advisory_lock($1)", [key.into()]).await?;
        rows.first().ok_or_else(|| Error::internal("a lock was neither had nor refused"))?.get(0)
    }

    /// Says goodbye, so that the server need not find out.
    pub async fn close(self) {
        // A connection that does not close in order is closed all the same.
        drop(self.0.close().await);
    }
}
