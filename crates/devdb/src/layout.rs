//! The names of the files in a data directory. Nothing here opens them.

use std::path::{Path, PathBuf};

use crate::ClusterError;

/// Where each thing lies in a data directory.
///
/// The directory belongs to the calling user. Of what is in it, the account that runs Postgres owns what it must read
/// (the settings, the key) and write (the cluster); the passwords and the lock are the caller's alone.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of `root`, an absolute path without symbolic links.
    ///
    /// # Errors
    /// When the path is not UTF-8: it is named in Postgres' settings.
    pub(crate) fn of(root: PathBuf) -> Result<Self, ClusterError> {
        match root.to_str() {
            Some(_) => Ok(Self { root }),
            None => Err(ClusterError::NotUtf8 { path: root }),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What Postgres calls its data directory.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// Where Postgres writes its process, and what it is doing, as long as it runs.
    pub(crate) fn process_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// A cluster in the making: it becomes [`cluster`](Self::cluster) when it is whole.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.root.join("cluster.unfinished")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.root.join("postgresql.conf")
    }

    pub(crate) fn access_rules(&self) -> PathBuf {
        self.root.join("pg_hba.conf")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.root.join("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.root.join("server.key")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(crate) fn previous_log(&self) -> PathBuf {
        self.root.join("postgres.previous.log")
    }
}

/// The lock file of the data directory `root`.
pub(crate) fn lock_in(root: &Path) -> PathBuf {
    root.join("lock")
}
