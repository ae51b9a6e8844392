//! Background work: jobs, periodic tasks and the sealing of the audit log.

use std::{pin::pin, time::Duration};

use mainstay_audit::Sealer;
use mainstay_jobs::Worker;
use tokio::{sync::watch, time::timeout};

/// How long the shutdown waits for the last seal of the audit log.
const SEAL_TIMEOUT: Duration = Duration::from_secs(15);

/// Background work: jobs, periodic tasks and the sealing of the audit log.
pub(crate) struct Work {
    pub(crate) worker: Worker,
    pub(crate) sealer: Sealer,
}

impl Work {
    /// Runs until `stop`, then finishes the jobs in progress and seals their audit records.
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

        if timeout(SEAL_TIMEOUT, sealing).await.is_err() {
            tracing::warn!(
                "shutdown did not seal the last audit records in time; the next sealer will"
            );
        }
    }
}
