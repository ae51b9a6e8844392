//! Errors of a cluster, for the person who started it. [`FindError`](crate::FindError) is for a
//! missing Postgres.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::FindError;

/// The reason why a cluster could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Postgres is not installed and could not be downloaded.
    #[error(transparent)]
    Programs(#[from] FindError),

    /// Another running process uses this data directory.
    #[error("{} is in use by another process{}", data_dir.display(), named(*pid))]
    InUse {
        /// The directory.
        data_dir: PathBuf,
        /// The id of the other process, if known.
        pid: Option<u32>,
    },

    /// The path is not a directory.
    #[error("{} is {kind}, not a directory; choose another data directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
        /// What it is, such as `a file`.
        kind: &'static str,
    },

    /// Another user owns the directory or can write to it.
    #[error("{} belongs to another user or is writable by others; choose another data directory", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },

    /// The directory for a throwaway cluster, which will be removed, is not empty.
    #[error("{} is not empty, and a throwaway cluster would remove it", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },

    /// The account that runs Postgres instead of root has no access to the parents of the data
    /// directory.
    #[error("the account `{account}`, which runs Postgres instead of root, cannot access {}", path.display())]
    Unreachable {
        /// The directory.
        path: PathBuf,
        /// The name of the account.
        account: String,
    },

    /// There is no account to run Postgres instead of root: `/etc/passwd` has neither `postgres`
    /// nor `nobody`.
    #[error(
        "Postgres refuses to run as root, and /etc/passwd has no account `postgres` or `nobody` to run it"
    )]
    NoAccount,

    /// The path is not UTF-8, as Postgres' settings require.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },

    /// The cluster was created by another major version of Postgres.
    #[error(
        "{} was created by Postgres {made_by}, and the installed one is {installed}: install Postgres {made_by}, \
         or remove the directory to start with an empty database",
        data_dir.display()
    )]
    OtherVersion {
        /// The directory.
        data_dir: PathBuf,
        /// The major version that created it.
        made_by: String,
        /// The major version of the programs.
        installed: u32,
    },

    /// A program failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// The end of its error output.
        output: String,
    },

    /// The server ended, or took too long, before it accepted connections.
    #[error("Postgres did not start; {} ends with:\n{tail}", log.display())]
    DidNotStart {
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },

    /// The server did not stop in time.
    #[error("Postgres (process {pid}) did not stop in time")]
    DidNotStop {
        /// The process id of the server.
        pid: u32,
    },

    /// A key or certificate could not be created.
    #[error("cannot create the server's certificate")]
    Certificate(#[from] rcgen::Error),

    /// An operation on a file, a directory or a process failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl ClusterError {
    /// Adds the operation and the path, for `map_err`.
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
