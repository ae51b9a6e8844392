//! The account that runs Postgres: the caller's, or an unprivileged one instead of root, because
//! Postgres refuses to run as root.

use std::{
    fs::{self, Metadata, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use crate::ClusterError;

/// The accounts in order of preference. On macOS, names of service accounts start with an
/// underscore.
const ACCOUNTS: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The user that runs Postgres.
pub(crate) struct ServerUser {
    own_uid: u32,
    /// `None` if the caller, who is not root, runs it.
    account: Option<Account>,
}

#[derive(Debug, PartialEq, Eq)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// Chooses the account for the user that runs this process.
    ///
    /// # Errors
    /// Fails if the user cannot be determined, or is root and there is no other account.
    pub(crate) fn choose() -> Result<Self, ClusterError> {
        let own_uid = own_uid()?;
        let account = match own_uid {
            0 => Some(find_account().ok_or(ClusterError::NoAccount)?),
            _ => None,
        };

        Ok(Self { own_uid, account })
    }

    /// The user that runs this process.
    pub(crate) fn own_uid(&self) -> u32 {
        self.own_uid
    }

    /// Creates a command that runs as the chosen account, without the variables of the environment
    /// that Postgres reads (`PGDATA`, `PGOPTIONS` and others), and not affected by Ctrl-C in the
    /// terminal.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }

        // The account may have no access to the caller's directory, and Postgres needs its working
        // directory.
        command.current_dir("/").process_group(0);
        command
    }

    /// Makes the account the owner of `path`.
    pub(crate) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match &self.account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid))
                .map_err(ClusterError::io("change the owner of", path)),
            None => Ok(()),
        }
    }

    /// Restricts a directory of the caller to the caller and the account, which may enter but not
    /// list it.
    ///
    /// # Errors
    /// Fails if the permissions cannot be set, or the account has no access to the parents of the
    /// directory.
    pub(crate) fn admit_to(&self, directory: &Path) -> Result<(), ClusterError> {
        let failed = || ClusterError::io("set the permissions of", directory);
        let mode = match &self.account {
            Some(account) => {
                chown(directory, None, Some(account.gid)).map_err(failed())?;
                0o710
            }
            None => 0o700,
        };

        fs::set_permissions(directory, Permissions::from_mode(mode)).map_err(failed())?;

        match &self.account {
            Some(account) if !account.reaches(directory) => Err(ClusterError::Unreachable {
                path: directory.to_owned(),
                account: account.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether the account can enter `directory` and all of its parents, as far as they exist.
    pub(crate) fn reaches(&self, directory: &Path) -> bool {
        self.account
            .as_ref()
            .is_none_or(|account| account.reaches(directory))
    }

    /// The first of the system's temporary directories to which the account has access.
    pub(crate) fn temporary_directory(&self) -> PathBuf {
        let usual = std::env::temp_dir();
        [usual.clone(), "/tmp".into(), "/var/tmp".into()]
            .into_iter()
            .find(|path| self.reaches(path))
            .unwrap_or(usual)
    }
}

impl Account {
    fn reaches(&self, directory: &Path) -> bool {
        let Some(existing) = directory
            .ancestors()
            .find_map(|path| path.canonicalize().ok())
        else {
            return false;
        };

        existing.ancestors().all(|path| {
            path.metadata()
                .is_ok_and(|metadata| self.passes_through(&metadata))
        })
    }

    fn passes_through(&self, directory: &Metadata) -> bool {
        let execute = if directory.uid() == self.uid {
            0o100
        } else if directory.gid() == self.gid {
            0o010
        } else {
            0o001
        };

        directory.mode() & execute != 0
    }
}

/// The effective user id, from POSIX' `id`, because the standard library has no safe function for
/// it.
pub(crate) fn own_uid() -> Result<u32, ClusterError> {
    let id = Path::new("id");
    let output = Command::new(id)
        .arg("-u")
        .output()
        .map_err(ClusterError::io("run", id))?;

    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| ClusterError::Failed {
        program: "id",
        output: text.into_owned(),
    })
}

fn find_account() -> Option<Account> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    ACCOUNTS.iter().find_map(|name| account_in(&passwd, name))
}

/// Reads one account of a passwd file: `name:password:uid:gid:…`.
fn account_in(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_named = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;

        (is_named && uid != 0).then(|| Account {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_exact_name_and_is_never_root() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody2:x:7:7::/:\nnobody:x:65534:65533:n:/:/bin/false\n\
                      postgres:x:0:0::/:\n";
        let nobody = Account {
            name: "nobody".into(),
            uid: 65534,
            gid: 65533,
        };
        assert_eq!(account_in(passwd, "nobody"), Some(nobody));
        assert_eq!(account_in(passwd, "postgres"), None);
        assert_eq!(account_in(passwd, "nobod"), None);
    }

    #[test]
    fn an_account_cannot_enter_a_private_directory_of_another_user() {
        let closed = std::env::temp_dir().join(format!("mainstay-closed-{}", std::process::id()));
        fs::create_dir(&closed).unwrap();

        let stranger = Account {
            name: "stranger".into(),
            uid: 4_000_000,
            gid: 4_000_000,
        };

        fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
        assert!(!stranger.reaches(&closed.join("not/yet/made")));

        fs::set_permissions(&closed, Permissions::from_mode(0o711)).unwrap();
        assert!(stranger.reaches(&closed.join("not/yet/made")));

        fs::remove_dir(&closed).unwrap();
    }
}
