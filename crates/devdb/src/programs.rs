//! Choice of the Postgres to run. `search` lists the directories, `fetch` downloads a missing one.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::search;

/// The oldest supported version. Since 15, only the owner of a database may create tables in its
/// schema `public`.
const OLDEST: u32 = 15;

/// A directory with the programs `initdb` and `postgres`, of version 15 or newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    directory: PathBuf,
    version: u32,
}

impl Programs {
    /// Finds the programs: only in `explicit` (or its `bin`) if given; otherwise in `PATH`, and
    /// then in the directories of the packages of Debian, Fedora, Alpine, Homebrew and
    /// Postgres.app, newest first.
    ///
    /// # Errors
    /// The message lists the searched directories, the programs there that cannot be used, and the
    /// package to install.
    pub fn find(explicit: Option<&Path>) -> Result<Self, FindError> {
        let (directories, looked_in) = match explicit {
            Some(given) => (
                vec![given.to_owned(), given.join("bin")],
                given.display().to_string(),
            ),
            None => (search::directories(), search::described()),
        };

        let mut missing = FindError {
            looked_in,
            unfit: Vec::new(),
            download: None,
        };

        for directory in directories {
            match Self::examine(directory) {
                Ok(Some(programs)) => return Ok(programs),
                Ok(None) => {}
                Err(reason) => missing.unfit.push(reason),
            }
        }

        Err(missing)
    }

    /// The directory of the programs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The path of `initdb`, which creates a cluster.
    pub(crate) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// The path of `postgres`, the server.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    /// Examines a directory. Returns `None` if a program is missing, and an error if the programs
    /// cannot be used.
    fn examine(directory: PathBuf) -> Result<Option<Self>, String> {
        let postgres = directory.join("postgres");
        if !postgres.is_file() || !directory.join("initdb").is_file() {
            return Ok(None);
        }

        let unfit = |reason: String| format!("{}: {reason}", postgres.display());
        let output = Command::new(&postgres)
            .arg("--version")
            .output()
            .map_err(|error| unfit(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);

        match major_version(&text) {
            Some(version) if version >= OLDEST => Ok(Some(Self { directory, version })),
            Some(version) => Err(unfit(format!("is version {version}"))),
            None => Err(unfit("does not report its version".to_owned())),
        }
    }
}

/// No usable Postgres was found. The message is for the person at the terminal and says what to
/// install.
#[derive(Debug)]
pub struct FindError {
    looked_in: String,
    unfit: Vec<String>,
    download: Option<String>,
}

impl FindError {
    /// Adds the reason why the download failed.
    #[cfg(feature = "fetch")]
    pub(crate) fn and_download_failed(mut self, cause: String) -> Self {
        self.download = Some(cause);
        self
    }
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "No Postgres {OLDEST} or newer was found (the programs `initdb` and `postgres`)."
        )?;
        writeln!(f, "Looked in: {}", self.looked_in)?;

        for unfit in &self.unfit {
            writeln!(f, "Not usable: {unfit}")?;
        }

        if let Some(cause) = &self.download {
            writeln!(f, "Download failed: {cause}")?;
        }

        f.write_str(INSTALL)
    }
}

impl std::error::Error for FindError {}

const INSTALL: &str = "Install it:
  Debian, Ubuntu   apt install postgresql
  Fedora, RHEL     dnf install postgresql-server
  Arch             pacman -S postgresql
  Alpine           apk add postgresql
  macOS            brew install postgresql@17";

/// Parses `postgres (PostgreSQL) 15.13 (Debian 15.13-0)`, and `17beta1` as 17.
fn major_version(text: &str) -> Option<u32> {
    let number = text.split_once("(PostgreSQL) ")?.1;
    let end = number
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn versions_of_distributions_are_parsed() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_version("postgres (EnterpriseThing) 17"), None);
    }

    #[test]
    fn the_error_says_where_it_looked_and_what_to_install() {
        let message = Programs::find(Some(Path::new("/nowhere/bin")))
            .unwrap_err()
            .to_string();

        for part in [
            "/nowhere/bin",
            "apt install postgresql",
            "dnf",
            "pacman",
            "apk",
            "brew",
        ] {
            assert!(message.contains(part), "{part} in: {message}");
        }
    }

    #[test]
    fn an_old_version_is_skipped_and_reported() {
        let directory = std::env::temp_dir().join(format!("mainstay-old-{}", std::process::id()));
        fs::create_dir_all(directory.join("bin")).unwrap();

        for (name, script) in [
            ("initdb", "#!/bin/sh\n"),
            ("postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 13.9'\n"),
        ] {
            let program = directory.join("bin").join(name);
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        }

        let message = Programs::find(Some(&directory)).unwrap_err().to_string();
        fs::remove_dir_all(&directory).unwrap();
        assert!(message.contains("bin/postgres: is version 13"), "{message}");
    }
}
