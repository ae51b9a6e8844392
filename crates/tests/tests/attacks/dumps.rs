//! Dumping and restoring a database with `pg_dump` and `psql`.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use mainstay::kernel::{ExposeSecret as _, SecretString};
use mainstay_devdb::Programs;

/// A program of Postgres: the one next to the server binary, of the same version, if it exists.
fn program(name: &str) -> Command {
    let beside = Programs::find(None)
        .ok()
        .map(|programs| programs.directory().join(name));
    Command::new(
        beside
            .filter(|path| path.is_file())
            .unwrap_or_else(|| name.into()),
    )
}

/// Returns the output of `pg_dump`.
pub fn dump(url: &SecretString, arguments: &[&str]) -> Vec<u8> {
    let output = program("pg_dump")
        .args(arguments)
        .args(["--dbname", url.expose_secret()])
        .output();
    let output = output.expect("pg_dump is installed with Postgres");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Restores a dump into a database.
pub fn restore(url: &SecretString, dump: &[u8]) {
    let mut command = program("psql");
    command.args([
        "--quiet",
        "--no-psqlrc",
        "--set",
        "ON_ERROR_STOP=1",
        "--dbname",
        url.expose_secret(),
    ]);

    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();

    let mut psql = started.expect("psql is installed with Postgres");
    psql.stdin
        .take()
        .expect("psql reads standard input")
        .write_all(dump)
        .expect("psql accepts the dump");

    let output = psql.wait_with_output().expect("the task ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
