use std::{fmt, str::FromStr, time::Duration};

use mainstay_kernel::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
};

use crate::Error;

/// A Postgres URL that demands `sslmode=verify-full`: the server proves its name under a trusted CA, or no connection.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

/// What is wrong with a database URL. The message never holds the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not a URL of Postgres.
    #[error("is not a postgres:// URL")]
    Malformed,
    /// The URL allows a connection that nobody vouches for.
    #[error("must say sslmode=verify-full (with sslrootcert=… for a private CA): anything less can be intercepted")]
    Unverified,
}

impl DatabaseUrl {
    /// Reads a URL such as `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem`.
    ///
    /// # Errors
    /// [`DatabaseUrlError`] when it is malformed, or allows a connection without verified TLS.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        // The driver takes any scheme.
        let url = url.expose_secret();
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(DatabaseUrlError::Malformed);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| DatabaseUrlError::Malformed)?;
        match options.get_ssl_mode() {
            PgSslMode::VerifyFull if options.get_socket().is_none() => Ok(Self(options)),
            _ => Err(DatabaseUrlError::Unverified),
        }
    }

    /// Opens a connection whose statements may run for `statement_timeout` each.
    pub(crate) async fn connect(&self, statement_timeout: Duration) -> Result<PgConnection, Error> {
        Ok(self.options(statement_timeout).connect().await?)
    }

    pub(crate) fn options(&self, statement_timeout: Duration) -> PgConnectOptions {
        self.0
            .clone()
            .application_name("mainstay")
            .statement_cache_capacity(500)
            .options([
                ("statement_timeout", format!("{}ms", statement_timeout.as_millis())),
                ("lock_timeout", format!("{}ms", statement_timeout.as_millis())),
                ("idle_in_transaction_session_timeout", "10s".to_owned()),
                ("client_connection_check_interval", "1s".to_owned()),
                ("TimeZone", "UTC".to_owned()),
                // Compiling a plan takes longer than any statement of the service runs.
                ("jit", "off".to_owned()),
            ])
            .disable_statement_logging()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.0.get_database().unwrap_or_default();
        write!(f, "postgres://{}@{}:{}/{database}", self.0.get_username(), self.0.get_host(), self.0.get_port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        DatabaseUrl::parse(&url.into())
    }

    #[test]
    fn only_verified_tls_is_taken() {
        for weaker in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"] {
            let url = format!("postgres://u:p@db/app{weaker}");
            assert_eq!(parse(&url).err(), Some(DatabaseUrlError::Unverified), "{url}");
        }
        assert!(parse("postgres://u:p@db/app?sslmode=verify-full").is_ok());
        assert_eq!(parse("mysql://u:p@db/app").err(), Some(DatabaseUrlError::Malformed));
    }

    #[test]
    fn debug_shows_no_password() {
        let url = parse("postgres://u:canary@db:5433/app?sslmode=verify-full").unwrap();
        assert_eq!(format!("{url:?}"), "postgres://u@db:5433/app");
    }
}
