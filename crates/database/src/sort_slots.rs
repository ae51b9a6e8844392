//! Limits on sorting by sealed fields: how many sorts run at once on blocking threads, and how many
//! wait.
//!
//! Decrypting five thousand rows takes tens of milliseconds of CPU time, which would block all
//! other requests on an async worker (OWASP ASVS 15.2.2).

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::Error;

/// Maximum number of sorts that wait.
const WAITING: usize = 8;

/// The semaphores of this process.
pub(crate) struct SortSlots {
    /// Permits to wait or sort. Without one, the caller is refused.
    places: Arc<Semaphore>,
    /// Permits to sort, which limit the number of listings in memory.
    turns: Arc<Semaphore>,
}

/// Permission to read rows and sort them.
pub(crate) struct SortTurn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Default for SortSlots {
    /// Sorts on half of the cores.
    fn default() -> Self {
        let turns = available_parallelism().map_or(1, NonZero::get) / 2;
        Self::new(turns.max(1), WAITING)
    }
}

impl SortSlots {
    fn new(turns: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(turns + waiting)),
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if too many are waiting already.
    pub(crate) async fn turn(&self) -> Result<SortTurn, Error> {
        let busy = || Error::unavailable("too many listings are being sorted by sealed fields");
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| busy())?;

        Ok(SortTurn {
            _place: place,
            _turn: turn,
        })
    }
}

impl SortTurn {
    /// Runs `work` on a blocking thread. The work keeps the turn until it is done, even if the
    /// caller goes away.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = spawn_blocking(move || {
            let outcome = work();
            drop(self);
            outcome
        });

        done.await.map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[tokio::test]
    async fn rows_are_decrypted_on_a_blocking_thread() {
        let turn = SortSlots::new(1, 0).turn().await.unwrap();
        let worker = turn.work(|| Ok(thread::current().id())).await.unwrap();
        assert_ne!(worker, thread::current().id());
    }

    #[tokio::test]
    async fn turns_and_waiting_places_are_limited() {
        let sorting = Arc::new(SortSlots::new(2, 1));
        let (first, _second) = (sorting.turn().await.unwrap(), sorting.turn().await.unwrap());
        let waiting = tokio::spawn({
            let sorting = Arc::clone(&sorting);
            async move { sorting.turn().await.map(drop) }
        });

        while sorting.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        assert!(matches!(sorting.turn().await, Err(Error::Unavailable(_))));

        drop(first);
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_turn_is_released_only_when_the_work_is_done() {
        let sorting = SortSlots::new(1, 0);
        let (go_on, told) = mpsc::channel::<()>();
        let turn = sorting.turn().await.unwrap();
        let working = tokio::spawn(turn.work(move || told.recv().map_err(Error::internal)));

        tokio::task::yield_now().await;
        working.abort();
        drop(working.await);

        assert!(sorting.turn().await.is_err());

        go_on.send(()).unwrap();

        while sorting.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }

        assert!(sorting.turn().await.is_ok());
    }
}
