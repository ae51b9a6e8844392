//! A cluster for the tests of one process, and removal of abandoned ones.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use mainstay_kernel::Random;

use crate::{
    Cluster, ClusterError, Durability, FindError, Options, Programs, directory, layout::Layout,
    owner::ServerUser, postmaster,
};

const PREFIX: &str = "mainstay-throwaway-";
/// The file system in memory, on Linux.
const MEMORY: &str = "/dev/shm";
/// How much must be free there, in bytes. A program with hundreds of tests copies as many databases
/// of 10 MiB.
const ENOUGH: u64 = 8 << 30;
/// The age from which a directory may count as abandoned. A new directory is not locked for some
/// microseconds.
const MIN_AGE: Duration = Duration::from_secs(60);

/// Starts an empty cluster in memory, or in the system's temporary directory: see [`parent`]. It is
/// removed completely when it stops or this process ends, however it ends. It takes about a second,
/// so use one for all tests of a program.
///
/// Downloads Postgres if it is not installed (with the feature `fetch`). First removes clusters
/// that earlier runs left behind because they were killed together with their reapers.
///
/// # Errors
/// See [`ClusterError`].
pub fn throwaway() -> Result<Cluster, ClusterError> {
    let programs = programs()?;
    let random = Random::default();
    let user = ServerUser::choose()?;
    let parent = parent(&user);

    remove_abandoned(&parent, user.own_uid());

    let name = u64::from_be_bytes(random.bytes());
    let data_dir = parent.join(format!("{PREFIX}{name:016x}"));

    Cluster::start(
        &programs,
        &Options {
            data_dir,
            port: None,
            durability: Durability::Throwaway,
        },
        &random,
    )
}

/// The directory for new clusters. Each copy of a database is hundreds of files, which a file system
/// in memory creates several times faster, so that is preferred if it has room and no `TMPDIR` says
/// otherwise.
fn parent(user: &ServerUser) -> PathBuf {
    let memory = Path::new(MEMORY);
    let is_preferred = std::env::var_os("TMPDIR").is_none()
        && user.reaches(memory)
        && free_space(memory) >= ENOUGH;

    match is_preferred {
        true => memory.to_owned(),
        false => user.temporary_directory(),
    }
}

/// The free space of a file system, in bytes; 0 if there is none.
fn free_space(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(feature = "fetch")]
fn programs() -> Result<Programs, FindError> {
    Programs::find_or_fetch(None, &|_| {})
}

#[cfg(not(feature = "fetch"))]
fn programs() -> Result<Programs, FindError> {
    Programs::find(None)
}

/// Removes the caller's unused throwaway directories in `parent`. Errors are ignored, because the
/// next start tries again.
fn remove_abandoned(parent: &Path, own_uid: u32) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && is_old_and_ours(&entry.path(), own_uid)
        {
            remove_unless_used(&entry.path()).ok();
        }
    }
}

fn is_old_and_ours(directory: &Path, own_uid: u32) -> bool {
    directory.symlink_metadata().is_ok_and(|found| {
        let age = found
            .modified()
            .ok()
            .and_then(|modified| modified.elapsed().ok())
            .unwrap_or_default();

        found.is_dir() && found.uid() == own_uid && age > MIN_AGE
    })
}

fn remove_unless_used(directory: &Path) -> Result<(), ClusterError> {
    let _lock = directory::lock(directory)?;
    postmaster::stop_leftover(&Layout::of(directory.to_owned())?)?;
    fs::remove_dir_all(directory).map_err(ClusterError::io("remove", directory))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::layout::lock_in;

    fn directory(parent: &Path, name: &str, age: Duration) -> PathBuf {
        let path = parent.join(format!("{PREFIX}{name}"));
        fs::create_dir_all(path.join("cluster")).unwrap();
        fs::write(lock_in(&path), "").unwrap();
        let now = fs::metadata(&path).unwrap().modified().unwrap();
        File::open(&path).unwrap().set_modified(now - age).unwrap();
        path
    }

    #[test]
    fn only_old_unused_directories_are_removed() {
        let own_uid = ServerUser::choose().unwrap().own_uid();
        let parent = std::env::temp_dir().join(format!("mainstay-sweep-{}", std::process::id()));
        let abandoned = directory(&parent, "abandoned", MIN_AGE * 2);
        let young = directory(&parent, "young", Duration::ZERO);
        let used = directory(&parent, "used", MIN_AGE * 2);
        let lock = directory::lock(&used).unwrap();

        assert!(!is_old_and_ours(&abandoned, own_uid + 1));

        remove_abandoned(&parent, own_uid);

        assert_eq!(
            [&abandoned, &young, &used].map(|path| path.exists()),
            [false, true, true]
        );

        drop(lock);
        fs::remove_dir_all(&parent).unwrap();
    }
}
