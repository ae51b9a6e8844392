//! Estimates passwords on blocking threads, with bounded concurrency and a bounded queue, as
//! passwords are hashed.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use mainstay_http::{INTERNAL, Problem, UNAVAILABLE};
use mainstay_kernel::SecretString;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::strength::Strength;

/// Maximum length of the queue. An estimate takes milliseconds, so the last in the queue waits for
/// a fraction of a second.
const QUEUE_LENGTH: usize = 64;

/// Estimates passwords, as many at once as there are cores.
pub struct Estimator {
    /// One permit for each estimate that is queued or running. Callers without a permit are
    /// refused.
    admitted: Arc<Semaphore>,
    /// One permit for each running estimate.
    running: Arc<Semaphore>,
}

impl Estimator {
    /// Creates an estimator that uses all cores.
    pub(crate) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);

        Self {
            admitted: Arc::new(Semaphore::new(cores + QUEUE_LENGTH)),
            running: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Estimates a password. `context` is what is known about its owner.
    ///
    /// # Errors
    /// [`UNAVAILABLE`] if the queue is full.
    pub async fn estimate(
        &self,
        password: SecretString,
        context: Vec<String>,
    ) -> Result<Strength, Problem> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|error| INTERNAL.problem().caused_by(error))?;

        let estimated = spawn_blocking(move || {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            let strength = Strength::of(&password, &context);
            // The task holds the permits, so that a cancelled request does not free them before the
            // work is done.
            drop((running, admitted));
            strength
        });

        estimated
            .await
            .map_err(|error| INTERNAL.problem().caused_by(error))
    }
}

fn busy() -> Problem {
    UNAVAILABLE
        .problem()
        .detail("Too many passwords are being checked. Try again shortly.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn callers_beyond_the_queue_are_refused_and_all_permits_are_returned() {
        let estimator = Estimator::new();
        let capacity = estimator.admitted.available_permits();

        let cores = u32::try_from(estimator.running.available_permits()).unwrap();
        let held = Arc::clone(&estimator.running)
            .acquire_many_owned(cores)
            .await
            .unwrap();

        // All callers arrive before the first estimate runs.
        let flood = join_all(
            (0..capacity + 50).map(|_| estimator.estimate("violets tumble".into(), Vec::new())),
        );
        let (results, ()) = tokio::join!(flood, async { drop(held) });

        let refused: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .collect();
        assert_eq!(refused.len(), 50);
        assert!(refused.iter().all(|problem| problem.kind() == UNAVAILABLE));
        assert_eq!(estimator.admitted.available_permits(), capacity);
    }
}
