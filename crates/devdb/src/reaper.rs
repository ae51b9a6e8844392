//! A small shell process that outlives this process and stops the server.
//!
//! It waits on a pipe whose other end only this process holds. The operating system closes that end
//! when this process ends, even with `kill -9`. The shell then stops the server and, for a
//! throwaway cluster, removes the directory. A clean stop uses the same mechanism.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{ClusterError, Durability, layout::Layout};

/// `$1`: the signal that stops the server. `$2`: the server's process file. `$3`: the directory to
/// remove, or nothing. Input: the id of the process to stop. The last line counts; an empty one
/// means that there is none.
///
/// Inherited descriptors are closed, because otherwise a pipe of the caller's parent would stay
/// open.
///
/// The server has ended when its process file is gone: the process itself may stay a zombie for
/// long in a container whose first process does not reap orphans. If it does not react to the
/// signal for half a minute, it gets an immediate shutdown. Without a process file, the cluster is
/// still being created by a group of programs, which leave shared memory behind if their directory
/// is removed before they end: they get a few seconds.
const SCRIPT: &str = r#"
trap '' HUP INT
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-

until_gone() {
  polls=$1
  shift
  while "$@" && [ "$polls" -gt 0 ]; do sleep 0.02; polls=$((polls - 1)); done
  [ "$polls" -gt 0 ]
}
serves() { [ -e "$process_file" ] && kill -s 0 "$pid"; }
group_lives() { kill -s 0 -- "-$pid"; }

process_file=$2
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -s "$1" "$pid"
  if serves; then until_gone 1500 serves || kill -s QUIT "$pid"; else until_gone 200 group_lives; fi
fi
if [ -n "$3" ]; then
  for attempt in 1 2 3 4 5; do rm -rf -- "$3" && break; sleep 0.2; done
fi
"#;

/// The shell of one cluster. Dropping it stops the server, and waits until that is done.
pub(crate) struct Reaper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Reaper {
    /// Starts the shell for the cluster of `layout`. It will remove the directory of a throwaway
    /// cluster.
    pub(crate) fn start(layout: &Layout, durability: Durability) -> Result<Self, ClusterError> {
        let path = Path::new("/bin/sh");
        let failed = || ClusterError::io("run", path);
        let process_file = layout.process_file();

        let mut command = Command::new(path);
        command.args(["-c", SCRIPT, "mainstay-postgres-reaper"]);
        match durability {
            Durability::Durable => command.arg("INT").arg(process_file).arg(""),
            Durability::Throwaway => command.arg("QUIT").arg(process_file).arg(layout.root()),
        };

        // Its own process group protects it from the Ctrl-C that ends this process.
        command
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());

        let mut shell = command.spawn().map_err(failed())?;
        let pipe = shell.stdin.take();

        Ok(Self { shell, pipe })
    }

    /// Sets the process to stop.
    pub(crate) fn watch(&mut self, pid: u32) -> Result<(), ClusterError> {
        self.send(&pid.to_string())
    }

    /// Clears the process to stop.
    pub(crate) fn forget(&mut self) -> Result<(), ClusterError> {
        self.send("")
    }

    /// Makes it stop the server, without waiting for it.
    pub(crate) fn release(&mut self) {
        self.pipe = None;
    }

    fn send(&mut self, line: &str) -> Result<(), ClusterError> {
        self.pipe
            .as_mut()
            .map_or(Ok(()), |pipe| writeln!(pipe, "{line}"))
            .map_err(ClusterError::io("write to", Path::new("/bin/sh")))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.release();
        // There is no one to report an error to.
        self.shell.wait().ok();
    }
}
