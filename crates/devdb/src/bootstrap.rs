//! Creation of a cluster: `initdb`, then the roles and the database.
//!
//! The superuser has no password and so cannot log in. What only it may do is done here, in the
//! single-user mode of `postgres`, before the server first listens.

use std::{
    fs::{self, DirBuilder},
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use mainstay_kernel::Random;

use crate::{
    ClusterError, Durability,
    connection::{DATABASE, OWNER, SERVER},
    reaper::Reaper,
    site::Site,
    state::State,
};

/// Text sorts by code point on all platforms; character classes and case follow Unicode.
const CHARACTER_TYPES: &str = if cfg!(target_os = "macos") {
    "--lc-ctype=UTF-8"
} else {
    "--lc-ctype=C.UTF-8"
};

/// Creates the cluster of `site`. It is renamed last, so that an interrupted creation starts again.
pub(crate) fn create(
    site: &Site<'_>,
    reaper: &mut Reaper,
    random: &Random,
) -> Result<State, ClusterError> {
    let unfinished = site.layout.unfinished();
    let failed = || ClusterError::io("create the directory", &unfinished);

    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed())?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .map_err(failed())?;
    site.user.give(&unfinished)?;

    init_directory(site, &unfinished, reaper)?;
    let state = State::new(random);
    create_roles(site, &unfinished, &state, reaper)?;

    state.save(&site.layout)?;
    fs::rename(&unfinished, site.layout.cluster()).map_err(failed())?;

    Ok(state)
}

fn init_directory(
    site: &Site<'_>,
    directory: &Path,
    reaper: &mut Reaper,
) -> Result<(), ClusterError> {
    let mut initdb = site.user.command(&site.programs.initdb());
    initdb.arg("--pgdata").arg(directory).args([
        "--username=postgres",
        "--auth=reject",
        "--encoding=UTF8",
        "--locale=C",
        CHARACTER_TYPES,
        "--no-instructions",
    ]);

    if site.durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }

    run("initdb", &mut initdb, "", reaper)
}

fn create_roles(
    site: &Site<'_>,
    directory: &Path,
    state: &State,
    reaper: &mut Reaper,
) -> Result<(), ClusterError> {
    let mut postgres = site.user.command(&site.programs.postgres());
    postgres
        .arg("--single")
        .arg("-D")
        .arg(directory)
        .args(["-c", "exit_on_error=on"])
        // The statements contain passwords, so errors must not quote them.
        .args(["-c", "log_min_error_statement=panic"]);

    if site.durability == Durability::Throwaway {
        postgres.args(["-c", "fsync=off"]);
    }

    postgres.arg("template1");

    run(
        "postgres --single",
        &mut postgres,
        &statements(state),
        reaper,
    )
}

/// Refuses a cluster that the installed programs cannot open.
pub(crate) fn check_version(site: &Site<'_>) -> Result<(), ClusterError> {
    let path = site.layout.cluster().join("PG_VERSION");
    let made_by = fs::read_to_string(&path)
        .map_err(ClusterError::io("read", &path))?
        .trim()
        .to_owned();

    let installed = site.programs.version();
    if made_by == installed.to_string() {
        return Ok(());
    }

    Err(ClusterError::OtherVersion {
        data_dir: site.layout.root().to_owned(),
        made_by,
        installed,
    })
}

/// The statements, one on each line, as the single-user mode requires.
///
/// Privileges on the schema are revoked in the template, so that they are revoked in the databases
/// of tests too. Tests drop databases to which the service is still connected, so the owner may
/// terminate its sessions.
fn statements(state: &State) -> String {
    let State {
        owner_password,
        server_password,
        ..
    } = state;

    format!(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE ROLE {OWNER} LOGIN NOSUPERUSER CREATEDB NOCREATEROLE PASSWORD '{owner_password}';
CREATE ROLE {SERVER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{server_password}';
GRANT pg_signal_backend TO {OWNER};
CREATE DATABASE {DATABASE} OWNER {OWNER};
REVOKE CONNECT, TEMPORARY ON DATABASE {DATABASE}, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE {DATABASE} TO {SERVER};
"
    )
}

/// Runs a program with `input` and waits for its end. The reaper ends it if this process ends
/// first. Returns the program's own error output if it fails.
fn run(
    name: &'static str,
    command: &mut Command,
    input: &str,
    reaper: &mut Reaper,
) -> Result<(), ClusterError> {
    let path = command.get_program().to_owned();
    let failed = || ClusterError::io("run", path.as_ref());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());

    let mut child = command.spawn().map_err(failed())?;
    reaper.watch(child.id())?;

    // If the program has already failed, its own error is more useful than that of the broken pipe.
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(failed())?;

    reaper.forget()?;

    if output.status.success() {
        written.map_err(failed())
    } else {
        Err(ClusterError::Failed {
            program: name,
            output: error_output(&output),
        })
    }
}

fn error_output(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.trim().is_empty() {
        output.status.to_string()
    } else {
        errors.trim().to_owned()
    }
}
