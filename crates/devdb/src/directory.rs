//! The data directory: its location, its ownership, and its lock.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{ClusterError, layout::lock_in, owner::ServerUser};

/// The data directory of the project at `project`: its `data/postgres`. If the account that runs
/// Postgres has no access to it (such as in root's home), or another user created it, a directory
/// in `/var/tmp` that is named after the user and the project's path.
///
/// # Errors
/// Fails if the project does not exist, or no account can run Postgres.
pub fn default_data_dir(project: &Path) -> Result<PathBuf, ClusterError> {
    let user = ServerUser::choose()?;
    let project = project
        .canonicalize()
        .map_err(ClusterError::io("find", project))?;

    let inside = project.join("data").join("postgres");
    let is_foreign = inside
        .symlink_metadata()
        .is_ok_and(|found| found.uid() != user.own_uid());
    if user.reaches(&inside) && !is_foreign {
        return Ok(inside);
    }

    // Survives a restart of the machine, unlike the temporary directory.
    let persistent = PathBuf::from("/var/tmp");
    let parent = if user.reaches(&persistent) && persistent.is_dir() {
        persistent
    } else {
        user.temporary_directory()
    };

    let name = fnv1a(project.as_os_str().as_encoded_bytes());
    Ok(parent.join(format!("mainstay-{}-{name:016x}", user.own_uid())))
}

/// Checks, before anything is started, that a path is a directory and is not in use.
/// [`Cluster::start`](crate::Cluster::start) checks everything else.
///
/// # Errors
/// [`ClusterError::NotADirectory`] and [`ClusterError::InUse`].
pub fn check_data_dir(data_dir: &Path) -> Result<(), ClusterError> {
    let Ok(found) = data_dir.symlink_metadata() else {
        return Ok(());
    };

    check_kind(data_dir, &found)?;
    if !lock_in(data_dir).exists() {
        return Ok(());
    }

    match lock(data_dir) {
        Err(error @ ClusterError::InUse { .. }) => Err(error),
        _ => Ok(()),
    }
}

fn check_kind(path: &Path, found: &Metadata) -> Result<(), ClusterError> {
    let kind = match found.file_type() {
        kind if kind.is_dir() => return Ok(()),
        kind if kind.is_symlink() => "a symbolic link",
        _ => "a file",
    };
    Err(ClusterError::NotADirectory {
        path: path.to_owned(),
        kind,
    })
}

/// Creates `data_dir` if it does not exist, checks that the caller owns it, and returns its path
/// without symbolic links.
///
/// Its name may be predictable and its parent writable by everyone, so an existing path is not
/// trusted: it must be a directory (not a link to one) that the caller owns and no one else can
/// write to.
pub(crate) fn prepare(data_dir: &Path, user: &ServerUser) -> Result<PathBuf, ClusterError> {
    let failed = || ClusterError::io("create the directory", data_dir);
    if let Some(parent) = data_dir.parent() {
        fs::create_dir_all(parent).map_err(failed())?;
    }

    match DirBuilder::new().mode(0o700).create(data_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed()(error));
        }
        _ => {}
    }

    let found = data_dir.symlink_metadata().map_err(failed())?;
    check_kind(data_dir, &found)?;

    if found.uid() != user.own_uid() || found.mode() & 0o022 != 0 {
        return Err(ClusterError::NotOurs {
            path: data_dir.to_owned(),
        });
    }

    let data_dir = data_dir.canonicalize().map_err(failed())?;
    user.admit_to(&data_dir)?;

    Ok(data_dir)
}

/// Locks `data_dir` until the returned file is closed. The operating system releases the lock when
/// the process ends.
///
/// # Errors
/// [`ClusterError::InUse`] if another running process has the lock.
pub(crate) fn lock(data_dir: &Path) -> Result<File, ClusterError> {
    let path = lock_in(data_dir);
    let failed = || ClusterError::io("lock", &path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed())?;

    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(ClusterError::InUse {
                data_dir: data_dir.to_owned(),
                pid: holder(&mut file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed()(error)),
    }

    file.set_len(0)
        .and_then(|()| file.rewind())
        .map_err(failed())?;
    write!(file, "{}", std::process::id()).map_err(failed())?;

    Ok(file)
}

/// Checks that a locked directory contains nothing but the lock, because it will be removed.
pub(crate) fn check_empty(data_dir: &Path) -> Result<(), ClusterError> {
    let failed = || ClusterError::io("read the directory", data_dir);
    let lock = lock_in(data_dir);
    for entry in fs::read_dir(data_dir).map_err(failed())? {
        if entry.map_err(failed())?.path() != lock {
            return Err(ClusterError::NotEmpty {
                path: data_dir.to_owned(),
            });
        }
    }

    Ok(())
}

/// Reads the id of the process that has the lock.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// The 64-bit FNV-1a hash: the same in all builds, and without any security purpose.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("mainstay-directory-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        path.canonicalize().unwrap()
    }

    #[test]
    fn a_directory_that_another_user_could_have_created_is_refused() {
        let user = ServerUser::choose().unwrap();
        let scratch = scratch("planted");

        let link = scratch.join("link");
        symlink("/etc", &link).unwrap();
        assert!(matches!(
            prepare(&link, &user),
            Err(ClusterError::NotADirectory {
                kind: "a symbolic link",
                ..
            })
        ));

        let file = scratch.join("file");
        fs::write(&file, "").unwrap();

        for refused in [prepare(&file, &user).map(drop), check_data_dir(&file)] {
            assert!(matches!(
                refused,
                Err(ClusterError::NotADirectory { kind: "a file", .. })
            ));
        }

        let open = scratch.join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();

        assert!(matches!(
            prepare(&open, &user),
            Err(ClusterError::NotOurs { .. })
        ));

        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_prepared_directory_is_closed_to_others() {
        let user = ServerUser::choose().unwrap();
        let scratch = scratch("closed");
        let made = prepare(&scratch.join("a/b"), &user);
        // This fails only if the account has no access to the temporary directory itself.
        assert_eq!(made.unwrap().metadata().unwrap().mode() & 0o067, 0);
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_lock_has_one_holder_and_names_it() {
        let scratch = scratch("lock");
        let held = lock(&scratch).unwrap();
        let refused = lock(&scratch).unwrap_err();
        assert!(
            matches!(refused, ClusterError::InUse { pid, .. } if pid == Some(std::process::id()))
        );
        assert!(matches!(
            check_data_dir(&scratch),
            Err(ClusterError::InUse { .. })
        ));

        drop(held);
        assert!(check_data_dir(&scratch).is_ok());
        assert!(lock(&scratch).is_ok());
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_project_keeps_its_data_inside_if_the_account_has_access() {
        let scratch = scratch("project");
        fs::set_permissions(&scratch, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(
            default_data_dir(&scratch).unwrap(),
            scratch.join("data/postgres")
        );

        let user = ServerUser::choose().unwrap();
        if user.own_uid() == 0 {
            fs::set_permissions(&scratch, PermissionsExt::from_mode(0o700)).unwrap();
            let outside = default_data_dir(&scratch).unwrap();
            assert!(!outside.starts_with(&scratch) && user.reaches(&outside));
        }

        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn the_hash_matches_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
