//! A small shell process that outlives us and puts an end to the server when we are gone.
//!
//! It waits on a pipe of which only we hold the other end. The system closes that end however this process ends, even
//! by `kill -9`; the shell then stops the server and, for a throwaway cluster, removes the directory. A clean stop goes
//! the same way, so that there is one way only.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{ClusterError, Durability, layout::Layout};

/// `$1`: the signal that stops the server. `$2`: the server's process file. `$3`: the directory to remove, or nothing.
/// On its input: the process to stop, the last line being the one that counts, an empty one meaning that there is none.
///
/// Descriptors that were inherited by accident are closed, since a pipe of the caller's caller would stay open.
///
/// The server is gone when its process file is: the process itself may stay a zombie for long, in a container whose
/// first process does not look after orphans. If it does not heed the signal for half a minute it is told to leave at
/// once. Where there is no such file, the cluster is still being made, by a group of programs that leave shared memory
/// behind if their directory goes before they do: they get a few seconds to end.
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

/// The shell that watches over one cluster. Dropping it does what it is for, and waits until that is done.
pub(crate) struct Reaper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Reaper {
    /// Starts to watch over the cluster of `layout`, whose directory is removed in the end if it is a throwaway one.
    pub(crate) fn start(layout: &Layout, durability: Durability) -> Result<Self, ClusterError> {
        let path = Path::new("/bin/sh");
        let failed = || ClusterError::io("run", path);
        let mut command = Command::new(path);

        command.args(["-c", SCRIPT, "mainstay-postgres-reaper"]);
        let process_file = layout.process_file();
        match durability {
            Durability::Durable => command.arg("INT").arg(process_file).arg(""),
            Durability::Throwaway => command.arg("QUIT").arg(process_file).arg(layout.root()),
        };

        // A group of its own keeps it from the Ctrl-C that ends us.
        command.process_group(0).current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());

        let mut shell = command.spawn().map_err(failed())?;
        let pipe = shell.stdin.take();

        Ok(Self { shell, pipe })
    }

    /// Names the server to stop.
    pub(crate) fn watch(&mut self, pid: u32) -> Result<(), ClusterError> {
        self.tell(&pid.to_string())
    }

    /// There is no server to stop any more.
    pub(crate) fn forget(&mut self) -> Result<(), ClusterError> {
        self.tell("")
    }

    /// Lets it go to work, without waiting for it.
    pub(crate) fn release(&mut self) {
        self.pipe = None;
    }

    fn tell(&mut self, line: &str) -> Result<(), ClusterError> {
        self.pipe
            .as_mut()
            .map_or(Ok(()), |pipe| writeln!(pipe, "{line}"))
            .map_err(ClusterError::io("write to", Path::new("/bin/sh")))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.release();
        // There is nobody left to tell of a failure.
        self.shell.wait().ok();
    }
}
