//! Checks the parameters of a database URL. Each is supported or refused by name; none is silently
//! ignored.

use std::{collections::HashSet, path::Path};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// What is wrong with a database URL. The message never contains the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not a URL of Postgres.
    #[error("is not a postgres:// URL")]
    Malformed,
    /// The URL allows a connection to an unverified server.
    #[error(
        "must have sslmode=verify-full (and sslrootcert=… for a private CA): other modes allow interception"
    )]
    Unverified,
    /// A parameter that the driver ignores: its name, and what to do instead.
    #[error("has the parameter {0}, which is not supported: {1}")]
    Parameter(&'static str, &'static str),
    /// An unknown parameter. Its name is not shown, because it may be part of a password.
    #[error("has an unknown parameter; in a password, write ? as %3F, & as %26 and # as %23")]
    UnknownParameter,
    /// A parameter that occurs more than once.
    #[error("has the parameter {0} more than once")]
    Repeated(&'static str),
    /// More than one host.
    #[error("names several hosts: name only the one of the primary server")]
    SeveralHosts,
    /// A certificate or key that cannot be read.
    #[error("{parameter} names {path:?}, which cannot be used: {cause}")]
    File {
        /// The parameter that names the file.
        parameter: &'static str,
        /// Path of the file.
        path: String,
        /// The error.
        cause: String,
    },
}

/// The parameters that the driver supports, in all spellings.
const SUPPORTED: [&str; 14] = [
    "dbname",
    "host",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

const ONE_HOST: &str = "name only the host of the primary server";
const OWN_SOCKETS: &str = "the service sets its socket options itself";
const OWN_TLS: &str = "the service requires verified TLS, and sets the other TLS options itself";
const OWN_SESSIONS: &str =
    "the service sets its session parameters itself; for others, use ALTER ROLE … SET";
const NOT_SUPPORTED: &str = "the driver does not support it";

/// Parameters of libpq, the driver or hosting providers that are refused, with the alternative.
const REFUSED: [(&str, &str); 40] = [
    ("application_name", OWN_SESSIONS),
    ("channel_binding", NOT_SUPPORTED),
    ("client_encoding", OWN_SESSIONS),
    (
        "connect_timeout",
        "set MAINSTAY_DATABASE_ACQUIRE_TIMEOUT instead",
    ),
    (
        "connection_limit",
        "set MAINSTAY_DATABASE_POOL_SIZE instead",
    ),
    ("fallback_application_name", OWN_SESSIONS),
    ("gssdelegation", NOT_SUPPORTED),
    ("gssencmode", OWN_TLS),
    ("gsslib", NOT_SUPPORTED),
    (
        "hostaddr",
        "use the host name that is in the server's certificate",
    ),
    ("keepalives", OWN_SOCKETS),
    ("keepalives_count", OWN_SOCKETS),
    ("keepalives_idle", OWN_SOCKETS),
    ("keepalives_interval", OWN_SOCKETS),
    ("krbsrvname", NOT_SUPPORTED),
    ("load_balance_hosts", ONE_HOST),
    (
        "lock_timeout",
        "set MAINSTAY_DATABASE_STATEMENT_TIMEOUT instead",
    ),
    ("options", OWN_SESSIONS),
    (
        "passfile",
        "put the whole URL into a file, and set MAINSTAY_DATABASE_URL_FILE",
    ),
    ("pgbouncer", NOT_SUPPORTED),
    (
        "pool_timeout",
        "set MAINSTAY_DATABASE_ACQUIRE_TIMEOUT instead",
    ),
    ("replication", NOT_SUPPORTED),
    ("require_auth", NOT_SUPPORTED),
    ("requirepeer", NOT_SUPPORTED),
    ("requiressl", OWN_TLS),
    ("schema", OWN_SESSIONS),
    ("search_path", OWN_SESSIONS),
    ("service", "write the parameters into the URL"),
    ("ssl_max_protocol_version", OWN_TLS),
    ("ssl_min_protocol_version", OWN_TLS),
    ("sslcertmode", OWN_TLS),
    ("sslcompression", OWN_TLS),
    ("sslcrl", NOT_SUPPORTED),
    ("sslcrldir", NOT_SUPPORTED),
    ("sslnegotiation", OWN_TLS),
    ("sslpassword", "use a key without a passphrase"),
    ("statement-cache-capacity", OWN_SESSIONS),
    (
        "statement_timeout",
        "set MAINSTAY_DATABASE_STATEMENT_TIMEOUT instead",
    ),
    ("target_session_attrs", ONE_HOST),
    ("tcp_user_timeout", OWN_SOCKETS),
];

/// Refuses what the driver would silently ignore: unsupported or repeated parameters, several
/// hosts, and unreadable files.
///
/// # Errors
/// [`DatabaseUrlError`]. It shows only names in the lists here, because an unknown one may be part
/// of a password.
pub(crate) fn check(url: &str) -> Result<(), DatabaseUrlError> {
    let (authority, query) = parts(url);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.contains(',') {
        return Err(DatabaseUrlError::SeveralHosts);
    }

    let mut seen = HashSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = known(&name)?;
        if !seen.insert(name) {
            return Err(DatabaseUrlError::Repeated(name));
        }
        if name == "host" && value.contains(',') {
            return Err(DatabaseUrlError::SeveralHosts);
        }
        check_file(name, &value)?;
    }

    Ok(())
}

/// The authority and the query of a URL (RFC 3986 §3).
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = path
        .split_once('/')
        .map_or(path, |(authority, _)| authority);

    (authority, query)
}

/// The name of a supported parameter.
fn known(name: &str) -> Result<&'static str, DatabaseUrlError> {
    if let Some(supported) = SUPPORTED.into_iter().find(|supported| *supported == name) {
        return Ok(supported);
    }

    let name = if name.starts_with("options[") {
        "options"
    } else {
        name
    };

    let refused = REFUSED.into_iter().find(|(refused, _)| *refused == name);

    Err(
        refused.map_or(DatabaseUrlError::UnknownParameter, |(name, why)| {
            DatabaseUrlError::Parameter(name, why)
        }),
    )
}

/// Reads the PEM file that a parameter names, as the driver will.
fn check_file(name: &'static str, value: &str) -> Result<(), DatabaseUrlError> {
    let path = Path::new(value);
    let outcome = match name {
        // The driver also accepts the text of a certificate instead of a path.
        _ if value.trim_start().starts_with("-----BEGIN ") => return Ok(()),
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" => {
            CertificateDer::from_pem_file(path).map(drop)
        }
        "sslkey" | "ssl-key" => PrivateKeyDer::from_pem_file(path).map(drop),
        _ => return Ok(()),
    };

    outcome.map_err(|error| DatabaseUrlError::File {
        parameter: name,
        path: value.to_owned(),
        cause: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        check(url).expect_err(url).to_string()
    }

    #[test]
    fn unsupported_parameters_are_refused() {
        for name in [
            "target_session_attrs",
            "tcp_user_timeout",
            "options",
            "connect_timeout",
            "application_name",
        ] {
            let why = refusal(&format!(
                "postgres://u:p@db/app?sslmode=verify-full&{name}=1"
            ));
            assert!(why.contains(&format!("the parameter {name},")), "{why}");
        }

        assert!(
            refusal("postgres://u:p@db/app?options[search_path]=x")
                .contains("the parameter options,")
        );
        assert!(
            refusal("postgres://u:p@db/app?sslmode=verify-full&sslmode=verify-full")
                .contains("sslmode more than")
        );
        assert_eq!(
            check("postgres://u:p@db:5432/app?sslmode=verify-full&dbname=x"),
            Ok(())
        );
    }

    #[test]
    fn several_hosts_are_refused_as_such() {
        for url in [
            "postgres://u:p@a,b/app?sslmode=verify-full",
            "postgres://u:p@a:5432,b:5432/app",
            "postgres://u:p@/app?host=a,b",
        ] {
            assert_eq!(check(url), Err(DatabaseUrlError::SeveralHosts), "{url}");
        }
        // A comma in a password does not separate hosts.
        assert_eq!(check("postgres://u:p,q@a/app?sslmode=verify-full"), Ok(()));
    }

    #[test]
    fn part_of_a_password_is_not_shown() {
        let why = refusal("postgres://u:pass?canary&canary=1@db/app?sslmode=verify-full");
        assert!(!why.contains("canary") && why.contains("%3F"), "{why}");
    }

    #[test]
    fn an_invalid_certificate_file_is_named() {
        let absent = refusal("postgres://u:p@db/app?sslrootcert=/nowhere/ca.pem");
        assert!(
            absent.contains("sslrootcert names \"/nowhere/ca.pem\""),
            "{absent}"
        );
        let other = format!("postgres://u:p@db/app?sslrootcert={}", file!());
        assert!(refusal(&other).contains("parameters.rs"), "{other}");
    }

    #[test]
    fn no_name_is_in_both_lists() {
        assert!(REFUSED.iter().all(|(name, _)| !SUPPORTED.contains(name)));
    }
}
