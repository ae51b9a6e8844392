//! Which Postgres to run. Where it may lie is told in `search`, and the download of one that is missing in `fetch`.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::search;

/// The oldest version that will do: from 15 on, only a database's owner may make tables in its schema `public`.
const OLDEST: u32 = 15;

/// A directory with the programs `initdb` and `postgres`, of version 15 or newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    directory: PathBuf,
    version: u32,
}

impl Programs {
    /// Finds the programs: in `explicit` (or its `bin`) and nowhere else when that is given; otherwise along `PATH`
    /// and then where the packages of Debian, Fedora, Alpine, Homebrew and Postgres.app put them, newest first.
    ///
    /// # Errors
    /// Says where it looked, what it found there that would not do, and which package to install.
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

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Makes a cluster.
    pub(crate) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// The server.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    /// `None` when the programs are not both there; an error says why those that are will not do.
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
            None => Err(unfit("does not tell its version".to_owned())),
        }
    }
}

/// No Postgres that will do was found. Its text is meant for the person at the terminal: it says what to install.
#[derive(Debug)]
pub struct FindError {
    looked_in: String,
    unfit: Vec<String>,
    download: Option<String>,
}

impl FindError {
    /// Adds why a download failed as well.
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
            writeln!(f, "Will not do: {unfit}")?;
        }

        if let Some(cause) = &self.download {
            writeln!(f, "Downloading it failed: {cause}")?;
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

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0)`, and `17beta1` as 17.
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
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_version("postgres (EnterpriseThing) 17"), None);
    }

    #[test]
    fn a_missing_directory_is_told_with_what_to_install() {
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
    fn an_old_version_is_passed_over_and_named() {
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
