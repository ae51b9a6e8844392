//! Listens for the notifications of Postgres.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

use crate::{
    Database, Error, Row,
    statement::{Patience, Statement},
};

/// How long a channel may be quiet before the connection is pinged, because a dead connection is
/// quiet, too.
const QUIET: Duration = Duration::from_secs(5);

/// A connection that receives the notifications of a channel (`LISTEN`, `NOTIFY`).
pub struct Listener {
    postgres: PgListener,
    patience: Patience,
    /// How long the connection may be silent, including a ping, before it counts as lost.
    silence: Duration,
    /// When the connection last received anything.
    heard: Instant,
}

/// What a listener receives.
#[derive(Debug)]
pub enum Heard {
    /// The payload of a notification.
    Notice(String),
    /// The connection was lost, and notifications may have been missed.
    Lost(Error),
}

impl Database {
    /// Listens on `channel`, on a separate connection that bypasses a pooler.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres cannot be reached.
    pub async fn listen(&self, channel: &'static str) -> Result<Listener, Error> {
        let settings = self.settings();
        // sqlx's listener requires a pool; this one has only the listener's connection.
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
            // Without a silent reconnect, so that the caller learns that notifications may have
            // been missed.
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
            Err(_) => Err(Error::unavailable("connecting the listener timed out")),
        }
    }
}

impl Listener {
    /// Waits for the next notification. Dropping the future loses none.
    pub async fn hear(&mut self) -> Heard {
        loop {
            // The pings were not answered, or their futures were dropped each time.
            if self.heard.elapsed() > self.silence {
                return Heard::Lost(Error::lost("the connection is silent"));
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
    /// [`Error::Lost`] if the connection is lost.
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
