//! Measures two sides in turns.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{Work, people::People, processor::Processor};

/// Duration of a round: short, so that drift affects both sides, but long compared with a tick of
/// processor time.
const ROUND: Duration = Duration::from_millis(500);

/// Number of rounds per side, after one to warm up.
const ROUNDS: usize = 20;

/// Measurements of both sides.
#[derive(Default)]
pub struct Sides {
    pub plain: Side,
    pub door: Side,
}

/// Measurements of one side.
#[derive(Default)]
pub struct Side {
    times: Vec<Duration>,
    span: Duration,
    spent: Processor,
}

impl Side {
    /// Operations per second.
    pub fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.span.as_secs_f64()
    }

    /// The latency at a quantile.
    pub fn at(&self, quantile: f64) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times[((times.len() - 1) as f64 * quantile) as usize]
    }

    /// Processor time of this process per operation, in microseconds.
    pub fn service(&self) -> f64 {
        self.spent.service * 1e6 / self.times.len() as f64
    }

    /// Processor time of Postgres's backends per operation, in microseconds.
    pub fn postgres(&self) -> f64 {
        self.spent.postgres * 1e6 / self.times.len() as f64
    }

    fn add(&mut self, round: Self) {
        self.times.extend(round.times);
        self.span += round.span;
        self.spent = self.spent.plus(&round.spent);
    }
}

/// Runs `work` on both sides in turns, `at_once` at a time. The first side alternates.
pub async fn alternate(
    processor: &Processor,
    at_once: usize,
    people: &People,
    work: impl Work,
) -> Sides {
    let mut sides = Sides::default();
    for number in 0..=ROUNDS {
        for turn in 0..2 {
            let is_door = (number + turn) % 2 == 0;
            let round = round(processor, at_once, async |writer, turn| {
                if is_door {
                    work.door(people, writer, turn).await
                } else {
                    work.plain(people, writer, turn).await
                }
            });

            let round = round.await;
            if number > 0 {
                if is_door {
                    sides.door.add(round)
                } else {
                    sides.plain.add(round)
                }
            }
        }
    }

    sides
}

async fn round(processor: &Processor, at_once: usize, work: impl AsyncFn(usize, usize)) -> Side {
    let (before, started) = (processor.now(), Instant::now());
    let writers = (0..at_once).map(async |writer| {
        let mut times = Vec::new();
        while started.elapsed() < ROUND {
            let turn = Instant::now();
            work(writer, times.len()).await;
            times.push(turn.elapsed());
        }
        times
    });

    let times = join_all(writers).await.concat();

    Side {
        times,
        span: started.elapsed(),
        spent: processor.now().minus(&before),
    }
}
