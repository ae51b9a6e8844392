//! Publishes checkpoints outside the database, so that rewriting the database contradicts what was
//! published.
//!
//! Publishing never delays sealing. A failed attempt is repeated with the newest checkpoint, which
//! covers all earlier ones.

mod bucket;
mod destination;
mod file;
mod log;
mod publish_error;

use std::{
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

pub(crate) use file::notes;
pub(crate) use log::Log;

pub use destination::CheckpointDestination;

use bucket::Bucket;
use file::Added;
use publish_error::PublishError;

/// Timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The initial and the maximum delay after a failure.
const RETRY_DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A checkpoint to publish.
#[derive(Clone, Debug)]
pub(crate) struct SealedCheckpoint {
    /// Number of checkpoints sealed by this process so far.
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) note: String,
}

/// Publishes each newest checkpoint until the sealer ends.
pub(crate) async fn publish(
    log: Log,
    destination: CheckpointDestination,
    every: Duration,
    mut sealed: watch::Receiver<Option<SealedCheckpoint>>,
) {
    let mut published = 0;
    let mut publisher = Publisher {
        log,
        destination,
        bucket: None,
    };

    while sealed.changed().await.is_ok() {
        let mut delay = RETRY_DELAY.0;
        loop {
            let Some(newest) = sealed.borrow_and_update().clone() else {
                break;
            };

            let pending = newest.number.saturating_sub(published);
            metrics::gauge!("audit_unpublished_checkpoints").set(pending as f64);

            match publisher.put(&newest).await {
                Ok(()) => {
                    published = newest.number;
                    metrics::gauge!("audit_unpublished_checkpoints").set(0.0);
                    break;
                }
                Err(error) => {
                    metrics::counter!("audit_publish_failures_total").increment(1);
                    tracing::error!(size = newest.size, %error, "audit checkpoint was not published");
                }
            }

            if sealed.has_changed().is_err() {
                return;
            }

            sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY.1);
        }

        // The next checkpoint will cover all that follow until then. A shutdown is not delayed.
        tokio::select! {
            () = sleep(every) => {}
            () = ended(sealed.clone()) => {}
        }
    }
}

/// Waits until the sealer ends.
async fn ended(mut sealed: watch::Receiver<Option<SealedCheckpoint>>) {
    while sealed.changed().await.is_ok() {}
}

/// What puts notes where they are published.
struct Publisher {
    log: Log,
    destination: CheckpointDestination,
    bucket: Option<Bucket>,
}

impl Publisher {
    async fn put(&mut self, sealed: &SealedCheckpoint) -> Result<(), PublishError> {
        let put = async {
            match &self.destination {
                CheckpointDestination::StandardOutput => {
                    let line = json!({ "audit_checkpoint": sealed.note }).to_string();
                    blocking(move || writeln!(io::stdout(), "{line}").map_err(PublishError::Io))
                        .await
                }
                CheckpointDestination::File(path) => add(&self.log, path, &sealed.note).await,
                CheckpointDestination::Bucket {
                    bucket: name,
                    prefix,
                } => {
                    let bucket = match &mut self.bucket {
                        Some(bucket) => bucket,
                        None => self.bucket.insert(Bucket::open(name, prefix)?),
                    };
                    bucket.put(sealed.size, &sealed.note).await
                }
            }
        };

        timeout(ATTEMPT_TIMEOUT, put)
            .await
            .unwrap_or(Err(PublishError::Timeout))
    }
}

/// Appends a note to the file if its last note is a prefix of the log. Another process may append
/// at the same time: a former or a newer leader.
async fn add(log: &Log, path: &Path, note: &str) -> Result<(), PublishError> {
    loop {
        let end = blocking({
            let path = path.to_owned();
            move || file::last(&path)
        });
        let end = end.await?;

        if let Some(published) = &end
            && !log.begins_with(published).await?
        {
            return Err(PublishError::Contradiction);
        }

        let (path, note) = (path.to_owned(), note.to_owned());
        match blocking(move || file::append(&path, &note, end.as_ref())).await? {
            Added::Done => return Ok(()),
            Added::Moved => {}
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(PublishError::Io(io::Error::other(error))))
}
