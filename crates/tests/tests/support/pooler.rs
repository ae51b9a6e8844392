//! The real PgBouncer in front of Postgres, in transaction mode and with TLS on both sides, where
//! it is installed.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and reports what it skips"
)]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use mainstay::kernel::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use crate::program::eventually;

/// The first version that supports prepared statements across connections
/// (`max_prepared_statements`).
const LEAST: (u32, u32) = (1, 21);

pub struct Pooler {
    process: Child,
    port: u16,
    postgres: String,
    /// Its configuration and certificate.
    directory: TempDir,
}

impl Pooler {
    /// Starts PgBouncer in front of the Postgres of `url`, with its role. Prints a message and
    /// returns `None` where the program is missing or too old.
    pub fn start(url: &SecretString) -> Option<Self> {
        let program = std::env::var("PGBOUNCER").unwrap_or_else(|_| "pgbouncer".to_owned());
        if !is_recent(&program) {
            let (major, minor) = LEAST;
            eprintln!("skipped: PgBouncer {major}.{minor} or later is missing (PATH, PGBOUNCER)");
            return None;
        }

        let directory = TempDir::new().expect("the temporary directory is created");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|free| free.local_addr())
            .expect("a port is free")
            .port();
        let postgres = url.expose_secret().to_owned();
        let configuration = configure(directory.path(), port, &Target::of(&postgres));

        let process = Command::new(program)
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PgBouncer starts");

        eventually("PgBouncer listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });

        Some(Self {
            process,
            port,
            postgres,
            directory,
        })
    }

    /// The database URL through PgBouncer.
    pub fn url(&self) -> String {
        let target = Target::of(&self.postgres);
        let authority = self.directory.path().join("server.crt");

        let Target {
            user,
            password,
            database,
            ..
        } = target;

        let port = self.port;

        format!(
            "postgres://{user}:{password}@localhost:{port}/{database}?sslmode=verify-full&sslrootcert={}",
            authority.display()
        )
    }

    /// Its log, for messages.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // The process may have ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn is_recent(program: &str) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else {
        return false;
    };

    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("PgBouncer "))
        .unwrap_or_default();

    let mut parts = number.split('.').map_while(|part| part.parse().ok());

    parts
        .next()
        .zip(parts.next())
        .is_some_and(|version| version >= LEAST)
}

/// The parts of a URL from `devdb`, whose names need no decoding.
struct Target<'a> {
    user: &'a str,
    password: &'a str,
    port: &'a str,
    database: &'a str,
    authority: String,
}

impl<'a> Target<'a> {
    fn of(url: &'a str) -> Self {
        let parts = || {
            let (user, rest) = url.strip_prefix("postgres://")?.split_once(':')?;
            let (password, rest) = rest.split_once("@localhost:")?;
            let (port, rest) = rest.split_once('/')?;
            let (database, rest) = rest.split_once('?')?;
            let (_, authority) = rest.split_once("sslrootcert=")?;
            let authority = authority.replace("%2F", "/");

            Some(Self {
                user,
                password,
                port,
                database,
                authority,
            })
        };

        parts().expect("a URL from devdb has these parts")
    }
}

fn configure(directory: &Path, port: u16, target: &Target<'_>) -> std::path::PathBuf {
    let Target {
        user,
        password,
        port: postgres,
        authority,
        ..
    } = target;

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .expect("the certificate is generated");
    let write = |name: &str, text: String| {
        fs::write(directory.join(name), text).expect("the file is written")
    };
    write("server.crt", certified.cert.pem());
    write("server.key", certified.signing_key.serialize_pem());

    write("users", format!("\"{user}\" \"{password}\"\n"));
    // Copied, so that a PgBouncer without root privileges may read it.
    write(
        "authority.crt",
        fs::read_to_string(authority).expect("the certificate authority of Postgres is read"),
    );

    let place = directory.display();
    let mut configuration = format!(
        "[databases]
* = host=localhost port={postgres}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
logfile = {place}/log
auth_type = scram-sha-256
auth_file = {place}/users
pool_mode = transaction
default_pool_size = 4
max_prepared_statements = 500
client_tls_sslmode = require
client_tls_cert_file = {place}/server.crt
client_tls_key_file = {place}/server.key
server_tls_sslmode = verify-full
server_tls_ca_file = {place}/authority.crt
"
    );

    if is_root() {
        configuration += "user = nobody\n";
        let owned = Command::new("chown")
            .args(["-R", "nobody"])
            .arg(directory)
            .status();
        assert!(
            owned.is_ok_and(|status| status.success()),
            "the directory's owner is changed to the user nobody"
        );
    }

    write("pgbouncer.ini", configuration);

    directory.join("pgbouncer.ini")
}

/// PgBouncer does not run as root.
fn is_root() -> bool {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .expect("the program id runs");
    output.stdout.trim_ascii() == b"0"
}
