//! The names of the files in a data directory.

use std::path::{Path, PathBuf};

use crate::ClusterError;

/// The paths in a data directory.
///
/// The calling user owns the directory. The account that runs Postgres owns the files that it reads
/// (the settings, the key) and writes (the cluster). Only the caller has access to the passwords
/// and the lock.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Creates the layout of `root`, an absolute path without symbolic links.
    ///
    /// # Errors
    /// Fails if the path is not UTF-8, because Postgres' settings contain it.
    pub(crate) fn of(root: PathBuf) -> Result<Self, ClusterError> {
        match root.to_str() {
            Some(_) => Ok(Self { root }),
            None => Err(ClusterError::NotUtf8 { path: root }),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Postgres' own data directory.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// The file with Postgres' process id and status while it runs.
    pub(crate) fn process_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// A cluster that is being created. It is renamed to [`cluster`](Self::cluster) when it is
    /// complete.
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
