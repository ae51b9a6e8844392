//! Everything that can go wrong with a cluster, in words for the person who started it. Not finding Postgres at all is
//! told by [`FindError`](crate::FindError).

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::FindError;

/// Why a cluster could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Postgres is not installed and could not be downloaded.
    #[error(transparent)]
    Programs(#[from] FindError),

    /// Another living process has this data directory open.
    #[error("{} is in use by another process{}", data_dir.display(), named(*pid))]
    InUse {
        /// The directory that both want.
        data_dir: PathBuf,
        /// The other process, where it has said who it is.
        pid: Option<u32>,
    },

    /// Something else stands where the directory is to be.
    #[error("{} is {kind}, not a directory; name another data directory", path.display())]
    NotADirectory {
        /// What stands there.
        path: PathBuf,
        /// A word for it, as in `a file`.
        kind: &'static str,
    },

    /// The directory was made by another user or can be written by one.
    #[error("{} belongs to another user or can be written by others; name another data directory", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },

    /// A throwaway cluster was to be made in a directory that holds something, which its end would remove.
    #[error("{} is not empty, and a throwaway cluster would remove it", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },

    /// The account that runs Postgres, because root may not, cannot pass through the parents of the data directory.
    #[error("the account `{account}`, which runs Postgres in place of root, cannot reach {}", path.display())]
    Unreachable {
        /// The directory.
        path: PathBuf,
        /// The name of the account.
        account: String,
    },

    /// Root has no other account to run Postgres with: there is neither `postgres` nor `nobody` in `/etc/passwd`.
    #[error(
        "Postgres refuses to run as root, and /etc/passwd names neither `postgres` nor `nobody` to run it as"
    )]
    NoAccount,

    /// The path cannot be written into Postgres' settings, which are UTF-8.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },

    /// The cluster was made by another major version of Postgres.
    #[error(
        "{} was made by Postgres {made_by}, and the installed one is {installed}: install Postgres {made_by}, \
         or remove the directory to begin with an empty database",
        data_dir.display()
    )]
    OtherVersion {
        /// The directory.
        data_dir: PathBuf,
        /// The major version that made it.
        made_by: String,
        /// The major version of the programs.
        installed: u32,
    },

    /// A program ended with an error; the text is what it said.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// The end of what it wrote.
        output: String,
    },

    /// The server ended, or said nothing for too long, before it took connections.
    #[error("Postgres did not start; {} ends with:\n{tail}", log.display())]
    DidNotStart {
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },

    /// The server was still running long after it was told to stop.
    #[error("Postgres (process {pid}) did not stop in time")]
    DidNotStop {
        /// The server.
        pid: u32,
    },

    /// No key or certificate could be made.
    #[error("cannot make the server's certificate")]
    Certificate(#[from] rcgen::Error),

    /// A file, a directory or a process could not be handled.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl ClusterError {
    /// Says what was tried, for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

fn named(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
}
