//! Listens for the notifications of Postgres.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

use crate::{
    Database, Error, Row,
    statement::{Patience, Statement},
};

/// How long a channel may be quiet before the connection is asked whether it still leads anywhere: a dead path is as quiet
/// as a quiet channel.
const QUIET: Duration = Duration::from_secs(5);

/// A connection that hears what a channel announces (`NOTIFY`).
pub struct Listener {
    postgres: PgListener,
    patience: Patience,
    /// How long no answer comes at most while it is asked.
    silence: Duration,
    heard: Instant,
}

/// What a listener has heard.
#[derive(Debug)]
pub enum Heard {
    /// The payload of an announcement.
    Notice(String),
    /// The connection was lost: announcements may have been missed.
    Lost(Error),
}

impl Database {
    /// Listens on `channel`, on a connection of its own, past a pooler.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached.
    pub async fn listen(&self, channel: &'static str) -> Result<Listener, Error> {
        let settings = self.settings();
        // sqlx's listener takes a pool; this one holds the listener's only connection.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(settings.acquire_timeout)
            .connect_lazy_with(
                settings
                    .direct()
                    .options(settings.own_limits(settings.statement_timeout)),
            );

        let listening = async {
            let mut postgres = PgListener::connect_with(&pool).await?;
            // A connection that was lost is for us to notice: what was announced meanwhile was missed.
            postgres.eager_reconnect(false);
            postgres.listen(channel).await?;
            Ok::<_, sqlx::Error>(postgres)
        };

        let patience = Patience::beyond(settings.statement_timeout);
        let silence = QUIET + settings.statement_timeout;

        match timeout(
            settings.acquire_timeout + settings.statement_timeout,
            listening,
        )
        .await
        {
            Ok(Ok(postgres)) => Ok(Listener {
                postgres,
                patience,
                silence,
                heard: Instant::now(),
            }),
            Ok(Err(error)) => Err(Error::unavailable(error)),
            Err(_) => Err(Error::unavailable("no listener came about in time")),
        }
    }
}

impl Listener {
    /// Waits for the next announcement. Dropping the future loses none.
    pub async fn hear(&mut self) -> Heard {
        loop {
            // What is quiet for so long was asked, and has not answered: also when each asking was cut short.
            if self.heard.elapsed() > self.silence {
                return Heard::Lost(Error::lost("the connection has gone silent"));
            }

            let quiet = sleep(QUIET.saturating_sub(self.heard.elapsed()));

            tokio::select! {
                heard = self.postgres.try_recv() => match heard {
                    Ok(Some(notice)) => {
                        self.heard = Instant::now();
                        return Heard::Notice(notice.payload().to_owned());
                    }
                    Ok(None) => return Heard::Lost(Error::lost("the connection was lost")),
                    Err(error) => return Heard::Lost(error.into()),
                },
                () = quiet => {}
            }

            if let Err(error) = self.select("listener.ping", "SELECT 1").await {
                return Heard::Lost(error);
            }
        }
    }

    /// Runs a static query on the listener's connection.
    ///
    /// # Errors
    /// [`Error::Lost`] when the connection is lost.
    pub async fn select(
        &mut self,
        name: &'static str,
        text: &'static str,
    ) -> Result<Vec<Row>, Error> {
        let rows = Statement::new(name, text, Vec::new())
            .run(&mut self.postgres, self.patience)
            .await?;
        self.heard = Instant::now();
        Ok(rows)
    }
}
