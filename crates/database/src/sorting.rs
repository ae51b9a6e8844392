//! Opens and sorts rows by a sealed field, on blocking threads: bounded in how many run at once and in how many wait.
//!
//! Opening five thousand rows takes tens of milliseconds of a core. On an async worker every other request of that worker
//! would wait for it (OWASP ASVS 15.2.2).

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use mainstay_kernel::{Id, Uuid};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::{Direction, Entity, Error, Row, decoder::Decoder, order::KeyOf};

/// How many rows are sorted at most, where the order is by a sealed field.
pub(crate) const MOST_SORTED: usize = 5_000;

/// How many sorts wait for their turn at most.
const WAITING: usize = 8;

/// What a cursor holds under its seal: the last row's key and id.
#[derive(Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) key: serde_json::Value,
    pub(crate) id: Uuid,
}

/// The places and turns of a process.
pub(crate) struct Sorting {
    /// A place, waiting or at work; without one the caller is turned away.
    places: Arc<Semaphore>,
    /// A turn at work: so many pages of rows are in memory at once.
    turns: Arc<Semaphore>,
}

/// Leave to read rows and sort them.
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

/// What one page of a sorted listing takes.
pub(crate) struct Sort<E> {
    pub(crate) key: KeyOf<E>,
    pub(crate) direction: Direction,
    pub(crate) after: Option<Position>,
    pub(crate) limit: usize,
}

impl Default for Sorting {
    /// Half of the cores.
    fn default() -> Self {
        let turns = available_parallelism().map_or(1, NonZero::get) / 2;
        Self::new(turns.max(1), WAITING)
    }
}

impl Sorting {
    fn new(turns: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(turns + waiting)),
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let busy = || Error::unavailable("too many listings are sorted by sealed fields at once");
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| busy())?;

        Ok(Turn {
            _place: place,
            _turn: turn,
        })
    }
}

impl Turn {
    /// The page of `rows` that `sort` asks for, with its sort, and whether more rows follow.
    ///
    /// # Errors
    /// [`Error::TooManyToSort`], [`Error::Cursor`], or what opening a row answers.
    pub(crate) async fn page<E: Entity>(
        self,
        decoder: Decoder,
        rows: Vec<Row>,
        sort: Sort<E>,
    ) -> Result<(Vec<E>, bool, KeyOf<E>), Error> {
        if rows.len() > MOST_SORTED {
            return Err(Error::TooManyToSort { most: MOST_SORTED });
        }

        self.work(move || {
            let items = rows
                .iter()
                .map(|row| decoder.decode(row))
                .collect::<Result<Vec<E>, _>>()?;
            let sorted = sorted(items, &sort)?;
            let (items, more) = cut(sorted, sort.limit);
            Ok((items, more, sort.key))
        })
        .await
    }

    /// Does `work` on a blocking thread. The turn is the work's and not the caller's: one who goes away makes no room
    /// before it is done.
    async fn work<T: Send + 'static>(
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

/// Sorts rows by their keys and drops those up to the position.
fn sorted<E: Entity>(items: Vec<E>, sort: &Sort<E>) -> Result<Vec<E>, Error> {
    let mut keyed = Vec::with_capacity(items.len());
    for row in items {
        keyed.push((
            (
                (sort.key)(&row)?.as_str().unwrap_or_default().to_owned(),
                row.id(),
            ),
            row,
        ));
    }

    if let Some(position) = &sort.after {
        let start = (
            position.key.as_str().ok_or(Error::Cursor)?.to_owned(),
            Id::from(position.id),
        );
        keyed.retain(|(place, _)| match sort.direction {
            Direction::Ascending => *place > start,
            Direction::Descending => *place < start,
        });
    }

    keyed.sort_by(|(one, _), (other, _)| match sort.direction {
        Direction::Ascending => one.cmp(other),
        Direction::Descending => other.cmp(one),
    });

    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The first `wanted` items, and whether there were more.
pub(crate) fn cut<E>(mut items: Vec<E>, wanted: usize) -> (Vec<E>, bool) {
    let more = items.len() > wanted;
    items.truncate(wanted);
    (items, more)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[tokio::test]
    async fn rows_are_opened_on_no_async_worker() {
        let turn = Sorting::new(1, 0).turn().await.unwrap();
        let worker = turn.work(|| Ok(thread::current().id())).await.unwrap();
        assert_ne!(worker, thread::current().id());
    }

    #[tokio::test]
    async fn as_many_sort_as_there_are_turns_as_many_wait_as_there_are_places() {
        let sorting = Arc::new(Sorting::new(2, 1));
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
    async fn who_goes_away_makes_no_room_before_the_work_is_done() {
        let sorting = Sorting::new(1, 0);
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
