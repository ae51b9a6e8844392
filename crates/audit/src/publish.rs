//! Checkpoints leave the database: whoever can rewrite it finds what was published in his way.
//!
//! Publishing never holds up sealing. What cannot be published is tried again, and of several that wait the newest is,
//! since it is about everything that the others are about.

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

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The wait after a failure, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A checkpoint on its way out.
#[derive(Clone, Debug)]
pub(crate) struct SealedCheckpoint {
    /// How many this process has sealed up to it.
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) note: String,
}

/// Publishes the newest checkpoint again and again, until there is nobody who seals.
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
        let mut again = AGAIN.0;
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
                    tracing::error!(size = newest.size, %error, "a checkpoint of the audit log was not published");
                }
            }

            if sealed.has_changed().is_err() {
                return;
            }

            sleep(again).await;
            again = (again * 2).min(AGAIN.1);
        }

        // Nothing is lost by waiting: the newest is about all before it. Only the end is not waited for.
        tokio::select! {
            () = sleep(every) => {}
            () = ended(sealed.clone()) => {}
        }
    }
}

/// Waits until nobody seals any more.
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

        timeout(PATIENCE, put)
            .await
            .unwrap_or(Err(PublishError::Timeout))
    }
}

/// Adds a note to the file, behind a note that the log goes on from. Another process may add to it too: the one that led
/// before, or leads now.
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
