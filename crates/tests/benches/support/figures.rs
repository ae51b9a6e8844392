//! The figures of one load.

use std::time::{Duration, Instant};

use super::{load::Measured, process::processor_time};

/// The figures of one load.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Number of requests.
    pub count: usize,
    pub failures: usize,
    pub took: Duration,
    pub median: Duration,
    /// The 99th percentile.
    pub slow: Duration,
    /// Processor time of the server and of Postgres, in seconds.
    server: f64,
    postgres: f64,
}

impl Figures {
    /// Measures a load on the server and on Postgres with these process ids.
    pub async fn of(server: u32, postgres: u32, load: impl Future<Output = Measured>) -> Self {
        let spent = || [server, postgres].map(processor_time);
        let (before, began) = (spent(), Instant::now());
        let measured = load.await;
        let (after, took) = (spent(), began.elapsed());

        let at = |share: f64| {
            let place = (measured.times.len() as f64 * share) as usize;
            measured.times.get(place).copied().unwrap_or_default()
        };

        Self {
            count: measured.times.len(),
            failures: measured.failures,
            took,
            median: at(0.5),
            slow: at(0.99),
            server: after[0] - before[0],
            postgres: after[1] - before[1],
        }
    }

    pub fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// Processor time of the server per request, in microseconds.
    pub fn server(&self) -> f64 {
        self.server * 1e6 / self.count.max(1) as f64
    }

    /// Processor time of Postgres per request, in microseconds.
    pub fn postgres(&self) -> f64 {
        self.postgres * 1e6 / self.count.max(1) as f64
    }

    /// Without what Postgres spends anyway, in milliseconds per second.
    pub fn without(mut self, idle: f64) -> Self {
        self.postgres -= idle / 1e3 * self.took.as_secs_f64();
        self
    }
}
