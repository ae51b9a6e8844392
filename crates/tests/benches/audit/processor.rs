//! Processor time on Linux: proc(5).

use std::fs;

use mainstay_testing::TestApp;

/// Ticks of processor time per second (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Processor time in seconds, and the processes of Postgres that are counted.
#[derive(Clone, Default)]
pub struct Processor {
    pub service: f64,
    pub postgres: f64,
    backends: Vec<i32>,
}

impl Processor {
    /// Measures this process, and the Postgres backends that serve it.
    pub async fn of(app: &TestApp) -> Self {
        const BACKENDS: &str = r"
            SELECT pid
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
        ";

        let rows = app
            .owner()
            .await
            .run(BACKENDS, [])
            .await
            .expect("the rows are read");

        let backends = rows
            .iter()
            .map(|row| row.get(0).expect("the column is a number"))
            .collect();

        Self {
            backends,
            ..Self::default()
        }
    }

    /// Processor time so far.
    pub fn now(&self) -> Self {
        let postgres = self
            .backends
            .iter()
            .map(|pid| spent(&pid.to_string()))
            .sum();
        Self {
            service: spent("self"),
            postgres,
            backends: Vec::new(),
        }
    }

    pub fn plus(&self, other: &Self) -> Self {
        let (service, postgres) = (self.service + other.service, self.postgres + other.postgres);
        Self {
            service,
            postgres,
            backends: Vec::new(),
        }
    }

    pub fn minus(&self, other: &Self) -> Self {
        let (service, postgres) = (self.service - other.service, self.postgres - other.postgres);
        Self {
            service,
            postgres,
            backends: Vec::new(),
        }
    }
}

/// `utime` and `stime` of a process; 0 for one that has ended.
fn spent(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();

    let ticks = |position: usize| {
        fields
            .get(position)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or_default()
    };

    (ticks(11) + ticks(12)) / TICKS
}
