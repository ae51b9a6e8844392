//! The data directory: where it is, that it is ours, and that nobody else has it open.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{ClusterError, layout::lock_in, owner::ServerUser};

/// Where the cluster of the project at `project` lives: in its `data/postgres`, or, where the account that runs
/// Postgres cannot get there (root's home, for one) or another user has made that directory, in a directory under
/// `/var/tmp` that is named after the user and the project's path.
///
/// # Errors
/// When the project does not exist, or no account can run Postgres.
pub fn default_data_dir(project: &Path) -> Result<PathBuf, ClusterError> {
    let user = ServerUser::choose()?;
    let project = project
        .canonicalize()
        .map_err(ClusterError::io("find", project))?;
    let inside = project.join("data").join("postgres");
    let taken = inside
        .symlink_metadata()
        .is_ok_and(|found| found.uid() != user.own_uid());
    if user.reaches(&inside) && !taken {
        return Ok(inside);
    }

    // It outlives a restart of the machine, which the temporary directory need not.
    let lasting = PathBuf::from("/var/tmp");
    let parent = if user.reaches(&lasting) && lasting.is_dir() {
        lasting
    } else {
        user.temporary_directory()
    };

    let name = fnv1a(project.as_os_str().as_encoded_bytes());
    Ok(parent.join(format!("mainstay-{}-{name:016x}", user.own_uid())))
}

/// Refuses, before anything is started, what is no directory, or is open in another living process. What else may be wrong
/// is told by [`Cluster::start`](crate::Cluster::start).
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

/// Makes `data_dir` if need be, makes sure that it is the caller's, and gives its path without symbolic links.
///
/// The name may be easy to guess and its parent open to everybody, so what stands there is not believed: it must be a
/// directory (no link to one) of the caller, and nobody else may write to it.
pub(crate) fn prepare(data_dir: &Path, user: &ServerUser) -> Result<PathBuf, ClusterError> {
    let failed = || ClusterError::io("make the directory", data_dir);
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

/// Takes the lock of `data_dir` for as long as the file stays open; the system gives it back however a process ends.
///
/// # Errors
/// [`ClusterError::InUse`] when a living process has it.
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

/// Refuses a directory, of which we have the lock, that holds anything else: it is about to be removed in the end.
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

/// The process that wrote itself into a lock file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// The 64-bit FNV-1a hash. It makes a name that stays the same from one build to the next, and protects nothing.
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
    fn a_directory_that_somebody_else_can_put_in_place_is_refused() {
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
        // Only where the temporary directory itself is closed to the account can this fail.
        assert_eq!(made.unwrap().metadata().unwrap().mode() & 0o067, 0);
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_lock_is_had_once_and_names_its_holder() {
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
    fn a_project_in_reach_keeps_its_data_inside_and_another_does_not() {
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
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
