//! The settings of the database.

use std::time::Duration;

use mainstay_config::Reader;

use crate::{DatabaseUrl, connection::Limits};

/// Settings for connecting to Postgres.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URL for the serving role. It may lead to a pooler if there is a
    /// [`direct_url`](Self::direct_url).
    pub url: DatabaseUrl,
    /// URL that bypasses a pooler, for connections tied to a session of Postgres (advisory locks,
    /// `LISTEN`).
    pub direct_url: Option<DatabaseUrl>,
    /// Number of connections in the pool.
    pub pool_size: usize,
    /// How long a request waits for a connection before the response is 503.
    pub acquire_timeout: Duration,
    /// Timeout of a statement (`statement_timeout`).
    pub statement_timeout: Duration,
    /// Duration from which a statement is logged as slow; zero disables the log.
    pub slow_statement: Duration,
    /// How many pages an account may filter or sort by sealed values within an hour.
    pub comparisons: u32,
}

impl Settings {
    /// Reads the settings; `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let url = reader.secret(
            "database.url",
            "Postgres URL for the serving role; must have sslmode=verify-full.",
        );
        let direct_url = direct_url(reader);
        let pool_size = reader.or(
            "database.pool_size",
            10_usize,
            "Number of connections to Postgres that are kept open.",
        );

        let acquire_timeout = reader.or(
            "database.acquire_timeout",
            Duration::from_secs(2),
            "How long a request waits for a connection before the response is 503.",
        );

        let statement_timeout = reader.or(
            "database.statement_timeout",
            Duration::from_secs(5),
            "Timeout of a statement.",
        );

        let slow_statement = reader.or(
            "database.slow_statement",
            Duration::from_millis(500),
            "Duration from which a statement is logged with name, duration and row count, \
             without values; 0s logs none.",
        );

        let comparisons = reader.or(
            "database.comparisons",
            1_000_u32,
            "Number of pages that an account may filter or sort by sealed values within an hour; more receive 429.",
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

    /// The URL for connections that need their own session of Postgres.
    pub(crate) fn direct(&self) -> &DatabaseUrl {
        self.direct_url.as_ref().unwrap_or(&self.url)
    }

    /// The limits of connections in the pool.
    pub(crate) fn limits(&self) -> Limits {
        match self.direct_url {
            Some(_) => Limits::OfRole,
            None => self.own_limits(self.statement_timeout),
        }
    }

    /// The limits of a direct connection.
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
        "Postgres URL that bypasses a pooler such as PgBouncer, if database.url leads to one.",
    )?;

    DatabaseUrl::parse(&url)
        .map_err(|error| reader.refuse("database.direct_url", error.to_string()))
        .ok()
}
