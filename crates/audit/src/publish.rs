//! Checkpoints leave the database: whoever can rewrite it finds what was published in his way.
//!
//! Publishing never holds up sealing. What cannot be published is tried again, and of several that wait the newest is,
//! since it is about everything that the others are about.

mod bucket;
mod file;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

pub(crate) use file::notes;

use bucket::Bucket;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The wait after a failure, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Where checkpoints go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of JSON with the member `audit_checkpoint`, for the collector of the logs.
    StandardOutput,
    /// The end of a file, flushed to the disk.
    File(PathBuf),
    /// An object each, written once, in an S3-compatible bucket.
    Bucket {
        /// Its name.
        bucket: String,
        /// What the objects' names begin with.
        prefix: String,
    },
}

/// A checkpoint on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// How many this process has sealed up to it.
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) note: String,
}

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// What was published contradicts it: the log was cut, restored or rewritten since.
    #[error("what was published before contradicts the log: it was restored or rewritten")]
    Contradiction,
    #[error("the file or standard output cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("the bucket did not take it: {0}")]
    Bucket(#[from] object_store::Error),
    #[error("it took too long")]
    Timeout,
}

/// Publishes the newest checkpoint again and again, until there is nobody who seals.
pub(crate) async fn publish(place: Place, every: Duration, mut sealed: watch::Receiver<Option<Sealed>>) {
    let mut published = 0;
    let mut bucket = None;
    while sealed.changed().await.is_ok() {
        let mut again = AGAIN.0;
        loop {
            let Some(newest) = sealed.borrow_and_update().clone() else { break };
            let pending = newest.number.saturating_sub(published);
            metrics::gauge!("audit_unpublished_checkpoints").set(pending as f64);
            match put(&place, &mut bucket, &newest).await {
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
async fn ended(mut sealed: watch::Receiver<Option<Sealed>>) {
    while sealed.changed().await.is_ok() {}
}

async fn put(place: &Place, bucket: &mut Option<Bucket>, sealed: &Sealed) -> Result<(), PublishError> {
    let put = async {
        match place {
            Place::StandardOutput => {
                let line = json!({ "audit_checkpoint": sealed.note }).to_string();
                blocking(move || writeln!(io::stdout(), "{line}").map_err(PublishError::Io)).await
            }
            Place::File(path) => {
                let (path, note, size) = (path.clone(), sealed.note.clone(), sealed.size);
                blocking(move || file::append(&path, &note, size)).await
            }
            Place::Bucket { bucket: name, prefix } => {
                let bucket = match bucket {
                    Some(bucket) => bucket,
                    None => bucket.insert(Bucket::open(name, prefix)?),
                };
                bucket.put(sealed.size, &sealed.note).await
            }
        }
    };
    timeout(PATIENCE, put).await.unwrap_or(Err(PublishError::Timeout))
}

async fn blocking(work: impl FnOnce() -> Result<(), PublishError> + Send + 'static) -> Result<(), PublishError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(PublishError::Io(io::Error::other(error))))
}
