//! Connections to Postgres: the URL, which requires a verified server, and the parameters of a
//! session.

use std::{fmt, str::FromStr, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_kernel::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
};

use crate::{Error, parameters, parameters::DatabaseUrlError};

/// A Postgres URL with `sslmode=verify-full`: the server must prove its name with a certificate of
/// a trusted CA.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

impl DatabaseUrl {
    /// Parses a URL such as
    /// `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem`.
    ///
    /// # Errors
    /// [`DatabaseUrlError`] if the URL is malformed, allows a connection without verified TLS,
    /// names a file that cannot be read, or has a parameter that the driver ignores.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        // The driver accepts any scheme.
        let url = url.expose_secret();
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(DatabaseUrlError::Malformed);
        }

        parameters::check(url)?;
        let options = PgConnectOptions::from_str(url).map_err(|_| DatabaseUrlError::Malformed)?;

        match options.get_ssl_mode() {
            PgSslMode::VerifyFull if options.get_socket().is_none() => Ok(Self(options)),
            _ => Err(DatabaseUrlError::Unverified),
        }
    }

    /// Opens a connection with these limits.
    ///
    /// The future is boxed, so that the driver's code for it is compiled once, in this crate.
    pub(crate) fn connect(
        &self,
        limits: Limits,
    ) -> BoxFuture<'static, Result<PgConnection, Error>> {
        let options = self.options(limits);
        Box::pin(async move { options.connect().await.map_err(Error::not_connected) })
    }

    pub(crate) fn options(&self, limits: Limits) -> PgConnectOptions {
        let options = self
            .0
            .clone()
            .application_name("mainstay")
            .statement_cache_capacity(500)
            // The default of Postgres has the same precision, and a pooler refuses the parameter.
            .extra_float_digits(None)
            .disable_statement_logging();

        match limits {
            Limits::OfRole => options,
            Limits::OfSession {
                statement_timeout,
                lock_timeout,
            } => {
                let lock_timeout =
                    lock_timeout.map(|timeout| ("lock_timeout", milliseconds(timeout)));
                options
                    .options(SESSION)
                    .options([("statement_timeout", milliseconds(statement_timeout))])
                    .options(lock_timeout)
            }
        }
    }
}

/// Timeouts of a connection's statements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limits {
    /// The limits of the role (`ALTER ROLE … SET`), because a pooler shares connections and accepts
    /// no parameters.
    OfRole,
    /// The limits of this connection. A zero duration means no limit; without a lock timeout, that
    /// of the role applies.
    OfSession {
        statement_timeout: Duration,
        lock_timeout: Option<Duration>,
    },
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// Parameters of every direct connection. Postgres ends the session of a client that has vanished
/// within half a minute, and frees its connection slot, locks and transaction.
const SESSION: [(&str, &str); 8] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "10s"),
    ("tcp_keepalives_interval", "5s"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "25s"),
    ("TimeZone", "UTC"),
    // JIT compilation takes longer than any statement of the service.
    ("jit", "off"),
];

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.0.get_database().unwrap_or_default();
        write!(
            f,
            "postgres://{}@{}:{}/{database}",
            self.0.get_username(),
            self.0.get_host(),
            self.0.get_port()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        DatabaseUrl::parse(&url.into())
    }

    #[test]
    fn only_verified_tls_is_accepted() {
        for weaker in [
            "",
            "?sslmode=disable",
            "?sslmode=prefer",
            "?sslmode=require",
            "?sslmode=verify-ca",
        ] {
            let url = format!("postgres://u:p@db/app{weaker}");
            assert_eq!(
                parse(&url).err(),
                Some(DatabaseUrlError::Unverified),
                "{url}"
            );
        }

        assert!(parse("postgres://u:p@db/app?sslmode=verify-full").is_ok());
        assert_eq!(
            parse("mysql://u:p@db/app").err(),
            Some(DatabaseUrlError::Malformed)
        );
    }

    #[test]
    fn debug_shows_no_password() {
        let url = parse("postgres://u:canary@db:5433/app?sslmode=verify-full").unwrap();
        assert_eq!(format!("{url:?}"), "postgres://u@db:5433/app");
    }
}
