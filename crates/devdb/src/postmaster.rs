//! The server process: its start, its end, and one that a killed run left behind.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{ClusterError, layout::Layout, site::Site, state::create_private};

const POLL: Duration = Duration::from_millis(5);
/// After a crash the server first goes through its log of changes.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A little more than the reaper's patience.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Starts the server; [`wait_until_ready`] tells when it takes connections.
pub(crate) fn spawn(site: &Site<'_>) -> Result<Child, ClusterError> {
    let layout = &site.layout;
    let path = layout.log();
    let failed = || ClusterError::io("open the log", &path);
    match fs::rename(&path, layout.previous_log()) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed()(error)),
        _ => {}
    }

    let log = create_private(&path).map_err(failed())?;
    let output = log.try_clone().map_err(failed())?;
    let program = site.programs.postgres();
    let mut command = site.user.command(&program);

    command.arg("-D").arg(layout.cluster());
    command
        .arg("-c")
        .arg(format!("config_file={}", layout.settings().display()));
    command.stdin(Stdio::null()).stdout(output).stderr(log);

    command.spawn().map_err(ClusterError::io("run", &program))
}

/// Waits until `server` says in its process file that it takes connections.
///
/// # Errors
/// [`ClusterError::DidNotStart`] with the end of its log; the process is then gone.
pub(crate) fn wait_until_ready(layout: &Layout, server: &mut Child) -> Result<(), ClusterError> {
    let program = Path::new("postgres");
    let deadline = Instant::now() + START_LIMIT;

    while !is_ready(&layout.process_file(), server.id()) {
        let ended = server
            .try_wait()
            .map_err(ClusterError::io("wait for", program))?
            .is_some();

        if !ended && Instant::now() > deadline {
            server
                .kill()
                .and_then(|()| server.wait())
                .map_err(ClusterError::io("end", program))?;
        } else if !ended {
            sleep(POLL);
            continue;
        }

        let log = layout.log();
        let tail = tail(&log).unwrap_or_default();
        return Err(ClusterError::DidNotStart { log, tail });
    }

    Ok(())
}

/// Waits for a server that was told to stop; one that does not is killed.
pub(crate) fn wait_until_gone(server: &mut Child) -> Result<(), ClusterError> {
    let failed = || ClusterError::io("wait for", Path::new("postgres"));
    let deadline = Instant::now() + STOP_LIMIT;
    while server.try_wait().map_err(failed())?.is_none() {
        if Instant::now() > deadline {
            server
                .kill()
                .and_then(|()| server.wait())
                .map_err(failed())?;
            return Err(ClusterError::DidNotStop { pid: server.id() });
        }
        sleep(POLL);
    }

    Ok(())
}

/// Stops the server of `layout` that a killed run left behind, and clears its process file away.
///
/// The process file alone proves nothing: after a restart of the machine its number may be anybody's. Postgres itself
/// would refuse to start then, so the file goes when no such server lives. Only the holder of the lock may do this.
pub(crate) fn stop_leftover(layout: &Layout) -> Result<(), ClusterError> {
    let file = layout.process_file();
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };

    let pid = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .unwrap_or_default();

    let deadline = Instant::now() + STOP_LIMIT;
    let mut told = false;
    while is_server_of(pid, &layout.cluster()) {
        if !told {
            interrupt(pid)?;
            told = true;
        } else if Instant::now() > deadline {
            return Err(ClusterError::DidNotStop { pid });
        }
        sleep(POLL);
    }

    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ClusterError::io("remove", &file)(error))
        }
        _ => Ok(()),
    }
}

/// The process file: the process in line 1, what the server is doing in line 8.
fn is_ready(process_file: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(process_file).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
}

fn is_server_of(pid: u32, cluster: &Path) -> bool {
    pid != 0
        && command_line(pid)
            .is_some_and(|line| line.contains(&format!("-D {} ", cluster.display())))
}

/// The command that a process was started with: from Linux' process directory, or from `ps` where there is none.
fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self").exists() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&line).replace('\0', " "));
    }
    let output = Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The signal of Postgres' fast shutdown, sent by the shell: the standard library can only kill.
fn interrupt(pid: u32) -> Result<(), ClusterError> {
    let shell = Path::new("/bin/sh");
    Command::new(shell)
        .args(["-c", "kill -s INT \"$1\"", "sh", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .map(drop)
        .map_err(ClusterError::io("run", shell))
}

/// The last lines of the log.
fn tail(log: &Path) -> io::Result<String> {
    let text = fs::read_to_string(log)?;
    let lines: Vec<_> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(10)..].join("\n"))
}
