//! The parameters of a database URL: each is obeyed or refused by its name, none is passed over.

use std::{collections::HashSet, path::Path};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// What is wrong with a database URL. The message never holds the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not a URL of Postgres.
    #[error("is not a postgres:// URL")]
    Malformed,
    /// The URL allows a connection that nobody vouches for.
    #[error(
        "must say sslmode=verify-full (with sslrootcert=… for a private CA): anything less can be intercepted"
    )]
    Unverified,
    /// A parameter that is known, and would be passed over: its name, and what to do instead.
    #[error("has the parameter {0}, which is not obeyed here: {1}")]
    Parameter(&'static str, &'static str),
    /// A parameter whose name is not known, and not repeated: it may be part of a password.
    #[error(
        "has a parameter that is not known; in a password, write ? as %3F, & as %26 and # as %23"
    )]
    UnknownParameter,
    /// A parameter that is there twice.
    #[error("has the parameter {0} more than once")]
    Repeated(&'static str),
    /// More than one host.
    #[error("names several hosts: name the one that leads to the server that takes writes")]
    SeveralHosts,
    /// A certificate or a key that cannot be read.
    #[error("{parameter} names {path:?}, which cannot be used: {cause}")]
    File {
        /// The parameter that names it.
        parameter: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// What the driver obeys, in all its spellings.
const OBEYED: [&str; 14] = [
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

const ONE_HOST: &str = "name the one host that leads to the server that takes writes";
const OWN_SOCKETS: &str = "the service decides on its sockets itself";
const OWN_TLS: &str = "the service demands verified TLS, and decides on the rest itself";
const OWN_SESSIONS: &str =
    "the service prepares its sessions itself; give the role what it needs by ALTER ROLE … SET";
const NOT_SUPPORTED: &str = "the driver does not know it";

/// What libpq, the driver or a hosting provider's examples know, and what is not obeyed here, with the way out.
const REFUSED: [(&str, &str); 40] = [
    ("application_name", OWN_SESSIONS),
    ("channel_binding", NOT_SUPPORTED),
    ("client_encoding", OWN_SESSIONS),
    (
        "connect_timeout",
        "MAINSTAY_DATABASE_ACQUIRE_TIMEOUT says how long a connection may take",
    ),
    (
        "connection_limit",
        "MAINSTAY_DATABASE_POOL_SIZE says how many connections are kept",
    ),
    ("fallback_application_name", OWN_SESSIONS),
    ("gssdelegation", NOT_SUPPORTED),
    ("gssencmode", OWN_TLS),
    ("gsslib", NOT_SUPPORTED),
    (
        "hostaddr",
        "name the host, which the server's certificate must name too",
    ),
    ("keepalives", OWN_SOCKETS),
    ("keepalives_count", OWN_SOCKETS),
    ("keepalives_idle", OWN_SOCKETS),
    ("keepalives_interval", OWN_SOCKETS),
    ("krbsrvname", NOT_SUPPORTED),
    ("load_balance_hosts", ONE_HOST),
    (
        "lock_timeout",
        "MAINSTAY_DATABASE_STATEMENT_TIMEOUT says how long a statement may take",
    ),
    ("options", OWN_SESSIONS),
    (
        "passfile",
        "MAINSTAY_DATABASE_URL_FILE names a file that holds the whole URL",
    ),
    ("pgbouncer", NOT_SUPPORTED),
    (
        "pool_timeout",
        "MAINSTAY_DATABASE_ACQUIRE_TIMEOUT says how long a connection may take",
    ),
    ("replication", NOT_SUPPORTED),
    ("require_auth", NOT_SUPPORTED),
    ("requirepeer", NOT_SUPPORTED),
    ("requiressl", OWN_TLS),
    ("schema", OWN_SESSIONS),
    ("search_path", OWN_SESSIONS),
    ("service", "write the URL out"),
    ("ssl_max_protocol_version", OWN_TLS),
    ("ssl_min_protocol_version", OWN_TLS),
    ("sslcertmode", OWN_TLS),
    ("sslcompression", OWN_TLS),
    ("sslcrl", NOT_SUPPORTED),
    ("sslcrldir", NOT_SUPPORTED),
    ("sslnegotiation", OWN_TLS),
    ("sslpassword", "the driver takes a key without a passphrase"),
    ("statement-cache-capacity", OWN_SESSIONS),
    (
        "statement_timeout",
        "MAINSTAY_DATABASE_STATEMENT_TIMEOUT says how long a statement may take",
    ),
    ("target_session_attrs", ONE_HOST),
    ("tcp_user_timeout", OWN_SOCKETS),
];

/// Refuses what the driver would pass over: parameters that it does not obey, or meets twice, more than one host, and
/// files that it could not read at each connection.
///
/// # Errors
/// [`DatabaseUrlError`]; names are those of the lists here, since an unknown one may be half of a password.
pub(crate) fn check(url: &str) -> Result<(), DatabaseUrlError> {
    let (authority, query) = parts(url);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.contains(',') {
        return Err(DatabaseUrlError::SeveralHosts);
    }

    let mut met = HashSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = known(&name)?;
        if !met.insert(name) {
            return Err(DatabaseUrlError::Repeated(name));
        }
        if name == "host" && value.contains(',') {
            return Err(DatabaseUrlError::SeveralHosts);
        }
        check_file(name, &value)?;
    }

    Ok(())
}

/// What stands between the scheme and the path, and what follows the question mark (RFC 3986 §3).
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    (
        path.split_once('/')
            .map_or(path, |(authority, _)| authority),
        query,
    )
}

/// The parameter's name as it stands in the list of what is obeyed.
fn known(name: &str) -> Result<&'static str, DatabaseUrlError> {
    if let Some(obeyed) = OBEYED.into_iter().find(|obeyed| *obeyed == name) {
        return Ok(obeyed);
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

/// Reads the PEM file of a parameter that names one, as the driver will.
fn check_file(name: &'static str, value: &str) -> Result<(), DatabaseUrlError> {
    let path = Path::new(value);
    let outcome = match name {
        // The driver takes the text of a certificate in place of a path.
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
    fn nothing_is_passed_over() {
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
        // A comma in a password is none.
        assert_eq!(check("postgres://u:p,q@a/app?sslmode=verify-full"), Ok(()));
    }

    #[test]
    fn half_a_password_is_not_repeated() {
        let why = refusal("postgres://u:pass?canary&canary=1@db/app?sslmode=verify-full");
        assert!(!why.contains("canary") && why.contains("%3F"), "{why}");
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named() {
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
        assert!(REFUSED.iter().all(|(name, _)| !OBEYED.contains(name)));
    }
}
