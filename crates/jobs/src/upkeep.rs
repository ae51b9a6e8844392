//! The queue's own upkeep: what was finished long ago is forgotten.

use std::time::Duration;

use crate::{Periodic, Settings, queue::Queue};

const CLEARING: Duration = Duration::from_secs(3_600);

/// Forgets finished jobs after the retention.
pub(crate) fn clearing(queue: Queue, settings: &Settings) -> Periodic {
    let retention = settings.retention;
    Periodic::new("jobs.clear", CLEARING, move |_| {
        let queue = queue.clone();
        async move {
            let cleared = queue.clear(retention).await?;
            tracing::debug!(cleared, "finished jobs are forgotten");
            Ok(())
        }
    })
}
