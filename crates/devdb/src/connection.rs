//! The connection parameters of a running cluster. Clients connect with their own drivers.

use std::path::PathBuf;

use mainstay_kernel::{ExposeSecret, SecretString};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The role that owns the database and its schema, and creates tables and test databases. Not a
/// superuser.
pub(crate) const OWNER: &str = "mainstay_owner";
/// The role of the running service: it may connect, and has the privileges that migrations grant.
pub(crate) const SERVER: &str = "mainstay_server";
/// The database.
pub(crate) const DATABASE: &str = "mainstay";

/// All characters except those that need no encoding in any part of a URL (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The connection parameters of a cluster.
#[derive(Clone)]
pub struct Connection {
    /// The host: `localhost`, for which the certificate is valid.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Owns the database and its schema. May create databases, as tests do, and terminate sessions
    /// of other roles, so that it can drop these databases. Not a superuser.
    pub owner: Role,
    /// May connect to [`database`](Self::database). Has no other privileges until a migration
    /// grants them.
    pub server: Role,
    /// The database that was created with the cluster.
    pub database: String,
    /// The certificate authority to trust, in PEM. It signed only this server's certificate.
    pub ca_file: PathBuf,
}

/// A role and its password.
#[derive(Clone)]
pub struct Role {
    /// The name to log in with.
    pub name: String,
    /// The password: 256 random bits in hexadecimal.
    pub password: SecretString,
}

impl Connection {
    /// The URL for `role` to connect to `database` over verified TLS (`sslmode=verify-full`), for
    /// libpq and sqlx.
    pub fn url(&self, role: &Role, database: &str) -> SecretString {
        format!(
            "postgres://{}:{}@{}:{}/{}?sslmode=verify-full&sslrootcert={}",
            encoded(&role.name),
            encoded(role.password.expose_secret()),
            self.host,
            self.port,
            encoded(database),
            encoded(&self.ca_file.to_string_lossy()),
        )
        .into()
    }
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_encoded_in_the_url() {
        let role = Role {
            name: "a/b".into(),
            password: "p@:?#".into(),
        };

        let connection = Connection {
            host: "localhost".into(),
            port: 5432,
            owner: role.clone(),
            server: role.clone(),
            database: DATABASE.into(),
            ca_file: "/tmp/my data&sslmode=disable/ca.pem".into(),
        };

        assert_eq!(
            connection.url(&role, "d?e").expose_secret(),
            "postgres://a%2Fb:p%40%3A%3F%23@localhost:5432/d%3Fe\
             ?sslmode=verify-full&sslrootcert=%2Ftmp%2Fmy%20data%26sslmode%3Ddisable%2Fca.pem"
        );
    }
}
