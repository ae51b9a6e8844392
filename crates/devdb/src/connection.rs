//! What a client needs to know of a running cluster. It does not connect: that is for the client's own driver.

use std::path::PathBuf;

use mainstay_kernel::{ExposeSecret, SecretString};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The role that owns the database and its schema, makes tables and test databases, and is no superuser.
pub(crate) const OWNER: &str = "mainstay_owner";
/// The role that the running service uses: it may connect, and do what migrations grant it.
pub(crate) const SERVER: &str = "mainstay_server";
/// The database.
pub(crate) const DATABASE: &str = "mainstay";

/// What stays as it is in every part of a URL (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How to reach a cluster.
#[derive(Clone)]
pub struct Connection {
    /// The host: `localhost`, which the certificate names.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Owns the database and its schema; may make databases, which tests do, and end other roles' sessions, so that
    /// it can drop those databases. Not a superuser.
    pub owner: Role,
    /// May connect to [`database`](Self::database), and nothing else until a migration grants it.
    pub server: Role,
    /// The database that was made with the cluster.
    pub database: String,
    /// The certificate authority to trust, in PEM: it signed this server's certificate and no other.
    pub ca_file: PathBuf,
}

/// A role and its password.
#[derive(Clone)]
pub struct Role {
    /// The name to log in with.
    pub name: String,
    /// 256 random bits, in hexadecimal.
    pub password: SecretString,
}

impl Connection {
    /// A URL with which `role` opens `database` over verified TLS (`sslmode=verify-full`), as libpq and sqlx read it.
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
    fn nothing_in_a_name_or_a_path_breaks_out_of_its_part_of_the_url() {
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
