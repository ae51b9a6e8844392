//! What is done beside serving: queued work, upkeep, and the seal over the audit log.

use std::{pin::pin, time::Duration};

use mainstay_audit::Sealer;
use mainstay_jobs::Worker;
use tokio::{sync::watch, time::timeout};

/// How long the end waits for the audit log to be sealed once more.
const SEALING: Duration = Duration::from_secs(15);

/// What is done beside serving: queued work, upkeep, and the seal over the audit log.
pub(crate) struct Work {
    pub(crate) worker: Worker,
    pub(crate) sealer: Sealer,
}

impl Work {
    /// Works until `stop`, then finishes what is under way. What the last jobs have recorded is sealed too.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let (working, mut worked) = watch::channel(());
        let work = async {
            self.worker.run(stop).await;
            drop(working);
        };
        let mut sealing = pin!(
            self.sealer
                .run(async move { while worked.changed().await.is_ok() {} })
        );

        tokio::select! {
            () = work => {}
            () = &mut sealing => return,
        }

        if timeout(SEALING, sealing).await.is_err() {
            tracing::warn!(
                "the database did not take the last seal of the audit log in time; the next sealer goes on"
            );
        }
    }
}
