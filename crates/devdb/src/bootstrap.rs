//! The making of a cluster: `initdb`, then the roles and the database.
//!
//! The superuser gets no password and so cannot log in; what only it may do is done here, in the single-user mode of
//! `postgres`, before the server has ever listened.

use std::{
    fs::{self, DirBuilder},
    io::Write,
    os::unix::fs::DirBuilderExt,
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

/// Sorting is by code point everywhere; only what counts as a letter, and its case, follows Unicode.
const CHARACTER_TYPES: &str = if cfg!(target_os = "macos") {
    "--lc-ctype=UTF-8"
} else {
    "--lc-ctype=C.UTF-8"
};

/// Makes the cluster of `site`. It takes its name last, so that one that was interrupted is begun again.
pub(crate) fn create(
    site: &Site<'_>,
    reaper: &mut Reaper,
    random: &Random,
) -> Result<State, ClusterError> {
    let unfinished = site.layout.unfinished();
    let failed = || ClusterError::io("make the directory", &unfinished);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed())?;
    }

    DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .map_err(failed())?;
    site.user.give(&unfinished)?;

    let mut initdb = site.user.command(&site.programs.initdb());
    initdb.arg("--pgdata").arg(&unfinished).args([
        "--username=postgres",
        "--auth=reject",
        "--encoding=UTF8",
    ]);

    initdb.args(["--locale=C", CHARACTER_TYPES, "--no-instructions"]);

    if site.durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }

    run("initdb", &mut initdb, "", reaper)?;

    let state = State::new(random);
    let mut postgres = site.user.command(&site.programs.postgres());
    postgres
        .arg("--single")
        .arg("-D")
        .arg(&unfinished)
        .args(["-c", "exit_on_error=on"]);

    // The statements hold passwords: a failing one must not be repeated in what we report.
    postgres.args(["-c", "log_min_error_statement=panic"]);

    if site.durability == Durability::Throwaway {
        postgres.args(["-c", "fsync=off"]);
    }

    postgres.arg("template1");

    run(
        "postgres --single",
        &mut postgres,
        &statements(&state),
        reaper,
    )?;

    state.save(&site.layout)?;
    fs::rename(&unfinished, site.layout.cluster()).map_err(failed())?;

    Ok(state)
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

/// One statement a line, as the single-user mode reads them.
///
/// The schema is closed in the template, so that the databases of tests, which are made from it, are closed as well.
/// Tests drop databases to which the service is still connected: that is why the owner may end its sessions.
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

/// Runs a program to its end with `input`, which the reaper brings about should ours come first. Its failure is told in
/// its own words.
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

    // A program that has already failed does not read: its own words say more than the broken pipe.
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
            output: said(&output),
        })
    }
}

fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.trim().is_empty() {
        output.status.to_string()
    } else {
        errors.trim().to_owned()
    }
}
