//! The server process: its start and its end, and servers that a killed run left behind.

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
/// Long enough for the recovery after a crash.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A little longer than the limit of the reaper.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Starts the server. [`wait_until_ready`] waits until it accepts connections.
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

    site.user
        .command(&program)
        .arg("-D")
        .arg(layout.cluster())
        .arg("-c")
        .arg(format!("config_file={}", layout.settings().display()))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(log)
        .spawn()
        .map_err(ClusterError::io("run", &program))
}

/// Waits until the process file says that `server` accepts connections.
///
/// # Errors
/// [`ClusterError::DidNotStart`] with the end of its log. The process has ended then.
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

/// Waits for a server that is stopping, and kills it if it does not stop in time.
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

/// Stops the server of `layout` that a killed run left behind, and removes its process file.
///
/// The process id in the file may be reused, such as after a restart of the machine, so the command
/// line of the process is checked. Postgres refuses to start while the file exists. Only the holder
/// of the lock may call this.
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
    let mut interrupted = false;
    while is_server_of(pid, &layout.cluster()) {
        if !interrupted {
            interrupt(pid)?;
            interrupted = true;
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

/// Whether the process file has this process id in line 1 and the status `ready` in line 8.
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

/// The command line of a process: from `/proc` on Linux, otherwise from `ps`.
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

/// Sends the signal for Postgres' fast shutdown, through the shell, because the standard library
/// can only kill.
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
