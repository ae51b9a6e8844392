use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Database, Error};

/// A connection that hears what a channel announces (`NOTIFY`).
pub struct Listener(PgListener);

/// What a listener has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The payload of an announcement.
    Notice(String),
    /// The connection was lost: announcements may have been missed.
    Lost,
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
            Ok(None) | Err(_) => Heard::Lost,
        }
    }
}
