use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Database, Error, Row, statement::Statement};

/// A connection that hears what a channel announces (`NOTIFY`).
pub struct Listener(PgListener);

/// What a listener has heard.
#[derive(Debug)]
pub enum Heard {
    /// The payload of an announcement.
    Notice(String),
    /// The connection was lost: announcements may have been missed.
    Lost(Error),
}

impl Database {
    /// Listens on `channel`, on a connection of its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached.
    pub async fn listen(&self, channel: &'static str) -> Result<Listener, Error> {
        // sqlx's listener takes a pool; this one holds the listener's only connection.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.settings().acquire_timeout)
            .connect_lazy_with(self.settings().url.options(self.settings().statement_timeout));
        let mut listener = PgListener::connect_with(&pool).await.map_err(Error::unavailable)?;
        listener.listen(channel).await?;
        Ok(Listener(listener))
    }
}

impl Listener {
    /// Waits for the next announcement. Dropping the future loses none.
    pub async fn hear(&mut self) -> Heard {
        match self.0.try_recv().await {
            Ok(Some(notice)) => Heard::Notice(notice.payload().to_owned()),
            Ok(None) => Heard::Lost(Error::unavailable("the connection was lost")),
            Err(error) => Heard::Lost(error.into()),
        }
    }

    /// Runs a static query on the listener's connection.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the connection is lost.
    pub async fn select(&mut self, name: &'static str, text: &'static str) -> Result<Vec<Row>, Error> {
        Statement::new(name, text, Vec::new()).run(&mut self.0).await
    }
}
