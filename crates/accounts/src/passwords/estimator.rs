//! Where passwords are estimated: off the threads that answer requests, with bounded turns and a bounded queue in front,
//! as passwords are hashed.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use mainstay_http::{INTERNAL, Problem, UNAVAILABLE};
use mainstay_kernel::SecretString;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::strength::Strength;

/// How many callers may wait for a turn. An estimate takes milliseconds, so the last of them waits for a fraction of a
/// second.
const WAITING: usize = 64;

/// Estimates passwords, as many at once as there are cores.
pub struct Estimator {
    /// A place in the queue or at work; without one the caller is turned away.
    places: Arc<Semaphore>,
    /// A turn at work.
    turns: Arc<Semaphore>,
}

impl Estimator {
    /// As many turns as there are cores.
    pub(crate) fn new() -> Self {
        let turns = available_parallelism().map_or(1, usize::from);
        Self {
            places: Arc::new(Semaphore::new(turns + WAITING)),
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Estimates a password whose owner is known by `context`.
    ///
    /// # Errors
    /// [`UNAVAILABLE`] when too many wait.
    pub async fn estimate(
        &self,
        password: SecretString,
        context: Vec<String>,
    ) -> Result<Strength, Problem> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|error| INTERNAL.problem().caused_by(error))?;

        let estimated = spawn_blocking(move || {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            let strength = Strength::of(&password, &context);
            // Held by the work, not by the caller: one who goes away does not make room before the work is done.
            drop((turn, place));
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
        .detail("Too many passwords are being checked: try again shortly.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// A flood gets as many places as there are, and leaves them all behind.
    #[tokio::test]
    async fn a_flood_is_turned_away_and_leaves_the_places_free() {
        let estimator = Estimator::new();
        let places = estimator.places.available_permits();

        let turns = u32::try_from(estimator.turns.available_permits()).unwrap();
        let held = Arc::clone(&estimator.turns)
            .acquire_many_owned(turns)
            .await
            .unwrap();

        // Every caller has asked before the first of them is served.
        let flood = join_all(
            (0..places + 50).map(|_| estimator.estimate("violets tumble".into(), Vec::new())),
        );
        let (answers, ()) = tokio::join!(flood, async { drop(held) });

        let turned_away: Vec<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .collect();
        assert_eq!(turned_away.len(), 50);
        assert!(
            turned_away
                .iter()
                .all(|problem| problem.kind() == UNAVAILABLE)
        );
        assert_eq!(estimator.places.available_permits(), places);
    }
}
