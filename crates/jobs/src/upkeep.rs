//! The queue's own upkeep: what was finished long ago is forgotten, and what waits is counted.

use std::time::Duration;

use tokio::time::sleep;

use crate::{Periodic, Settings, queue::Queue};

const CLEARING: Duration = Duration::from_secs(3_600);
const COUNTING: Duration = Duration::from_secs(15);

/// Every state but `done`: a gauge keeps its value until it is set anew.
const STATES: [&str; 4] = ["waiting", "running", "handed_over", "failed"];

/// Forgets finished jobs after the retention.
pub(crate) fn clearing(queue: Queue, settings: &Settings) -> Periodic {
    let retention = time::Duration::try_from(settings.retention).unwrap_or(time::Duration::WEEK);
    Periodic::new("jobs.clear", CLEARING, move |_| {
        let queue = queue.clone();
        async move {
            let cleared = queue.clear(queue.now() - retention).await?;
            tracing::debug!(cleared, "finished jobs are forgotten");
            Ok(())
        }
    })
}

/// Tells the metrics how many jobs there are, for as long as the worker works.
pub(crate) async fn count(queue: Queue) {
    loop {
        if let Ok(counted) = queue.count().await {
            for state in STATES {
                let number = counted.iter().find(|(name, _)| name == state).map_or(0, |(_, number)| *number);
                metrics::gauge!("jobs", "state" => state).set(number as f64);
            }
        }
        sleep(COUNTING).await;
    }
}
