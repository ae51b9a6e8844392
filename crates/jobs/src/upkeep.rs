//! Deletes old finished jobs.

use std::time::Duration;

use crate::{Periodic, Settings, queue::Queue};

const CLEARING: Duration = Duration::from_secs(3_600);

/// Creates the task that deletes finished jobs after the retention period.
pub(crate) fn clearing(queue: Queue, settings: &Settings) -> Periodic {
    let retention = settings.retention;
    Periodic::new("jobs.clear", CLEARING, move |_| {
        let queue = queue.clone();
        async move {
            let cleared = queue.clear(retention).await?;
            tracing::debug!(cleared, "deleted finished jobs");
            Ok(())
        }
    })
}
