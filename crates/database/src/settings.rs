//! The settings of the database.

use std::time::Duration;

use mainstay_config::Reader;

use crate::{DatabaseUrl, connection::Limits};

/// How the serving process reaches Postgres.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where, and as whom. It may lead to a pooler where there is a [`direct_url`](Self::direct_url).
    pub url: DatabaseUrl,
    /// Where connections go that are tied to one session of Postgres (advisory locks, `LISTEN`), past a pooler.
    pub direct_url: Option<DatabaseUrl>,
    /// Connections kept open.
    pub pool_size: usize,
    /// How long a request waits for a connection before it is answered 503.
    pub acquire_timeout: Duration,
    /// How long one statement may run (`statement_timeout`).
    pub statement_timeout: Duration,
    /// A statement that takes so long is logged; zero logs none.
    pub slow_statement: Duration,
    /// How many pages an account may search or sort by sealed values within an hour.
    pub comparisons: u32,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let url = reader.secret(
            "database.url",
            "Postgres as the serving role; demands sslmode=verify-full.",
        );
        let direct_url = direct_url(reader);
        let pool_size = reader.or(
            "database.pool_size",
            10_usize,
            "Connections kept open to Postgres.",
        );

        let acquire_timeout = reader.or(
            "database.acquire_timeout",
            Duration::from_secs(2),
            "How long a request waits for a connection before it is answered 503.",
        );

        let statement_timeout = reader.or(
            "database.statement_timeout",
            Duration::from_secs(5),
            "How long one statement may run.",
        );

        let slow_statement = reader.or(
            "database.slow_statement",
            Duration::from_millis(500),
            "A statement that takes so long is logged: its name, time and number of rows, never a value; 0s logs none.",
        );

        let comparisons = reader.or(
            "database.comparisons",
            1_000_u32,
            "How many pages an account may search or sort by sealed values within an hour; more are answered 429.",
        );

        if pool_size == 0 {
            reader.refuse("database.pool_size", "must be at least 1");
        }

        match DatabaseUrl::parse(&url?) {
            Ok(url) => Some(Self {
                url,
                direct_url,
                pool_size,
                acquire_timeout,
                statement_timeout,
                slow_statement,
                comparisons,
            }),
            Err(error) => {
                reader.refuse("database.url", error.to_string());
                None
            }
        }
    }

    /// Where a connection goes that needs a session of Postgres for itself.
    pub(crate) fn direct(&self) -> &DatabaseUrl {
        self.direct_url.as_ref().unwrap_or(&self.url)
    }

    /// What holds Postgres to an end on connections of the pool.
    pub(crate) fn limits(&self) -> Limits {
        match self.direct_url {
            Some(_) => Limits::OfRole,
            None => self.own_limits(self.statement_timeout),
        }
    }

    /// What holds Postgres to an end on a connection of one's own.
    pub(crate) fn own_limits(&self, statement_timeout: Duration) -> Limits {
        Limits::OfSession {
            statement_timeout,
            lock_timeout: Some(statement_timeout),
        }
    }
}

fn direct_url(reader: &mut Reader) -> Option<DatabaseUrl> {
    let url = reader.optional_secret(
        "database.direct_url",
        "Postgres itself, where database.url leads to a pooler such as PgBouncer: for LISTEN and advisory locks.",
    )?;
    DatabaseUrl::parse(&url)
        .map_err(|error| reader.refuse("database.direct_url", error.to_string()))
        .ok()
}
