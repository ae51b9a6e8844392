//! The figures, and the tables that they are printed in.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    Endpoint,
    process::{memory, processor_time},
    servers::{Database, Kind, Server},
};

/// The figures of one load.
#[derive(Clone, Copy)]
pub struct Figures {
    per_second: f64,
    median: Duration,
    slow: Duration,
    /// Processor time of the server and of Postgres per request, in microseconds.
    server: f64,
    postgres: f64,
    failures: usize,
}

impl Figures {
    /// Measures a load.
    pub async fn of(
        server: &Server,
        database: &Database,
        endpoint: Endpoint,
        span: Duration,
    ) -> Self {
        let spent = || [server.pid(), database.pid()].map(processor_time);
        let (before, began) = (spent(), Instant::now());
        let measured = server.load(endpoint, span).await;
        let (after, took) = (spent(), began.elapsed());

        let count = measured.times.len().max(1);
        let at = |share: f64| {
            measured
                .times
                .get((count as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        let each = |which: usize| (after[which] - before[which]) * 1e6 / count as f64;

        Self {
            per_second: count as f64 / took.as_secs_f64(),
            median: at(0.5),
            slow: at(0.99),
            server: each(0),
            postgres: each(1),
            failures: measured.failures,
        }
    }
}

/// Everything that was measured.
pub struct Report {
    rounds: u64,
    span: Duration,
    loads: Vec<(Kind, Endpoint, Figures)>,
    starts: Vec<(Kind, f64)>,
    memory: Vec<(Kind, f64)>,
}

impl Report {
    pub fn new(rounds: u64, span: Duration) -> Self {
        Self {
            rounds,
            span,
            loads: Vec::new(),
            starts: Vec::new(),
            memory: Vec::new(),
        }
    }

    pub fn started(&mut self, kind: Kind, took: Duration) {
        self.starts.push((kind, took.as_secs_f64() * 1e3));
    }

    /// Notes the memory of a server: idle, after the load, and after the logins, in this order.
    pub fn memory(&mut self, server: &Server) {
        self.memory.push((server.kind, memory(server.pid())));
    }

    pub fn measured(&mut self, kind: Kind, endpoint: Endpoint, figures: Figures) {
        self.loads.push((kind, endpoint, figures));
    }

    pub fn print(&self) {
        println!(
            "Medians of {} interleaved rounds of {:?}; x = against the bare server.\n",
            self.rounds, self.span
        );
        println!(
            "| endpoint | server | requests/s | p50 ms | p99 ms | CPU µs | x | Postgres CPU µs | x | failures |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
        );
        for endpoint in Endpoint::ALL {
            for kind in Kind::ALL {
                self.print_load(endpoint, kind);
            }
        }

        println!(
            "\n| server | start to first answer, ms (median) | MiB idle | loaded | after logins | program MiB |\n\
             |---|--:|--:|--:|--:|--:|"
        );
        for kind in Kind::ALL {
            self.print_process(kind);
        }
    }

    fn print_load(&self, endpoint: Endpoint, kind: Kind) {
        let of = |kind: Kind, value: fn(&Figures) -> f64| {
            let all = self
                .loads
                .iter()
                .filter(|(k, e, _)| (*k, *e) == (kind, endpoint));
            median(all.map(|(_, _, figures)| value(figures)).collect())
        };
        let times = |value: fn(&Figures) -> f64| of(kind, value) / of(Kind::Bare, value).max(1e-9);
        let (server, postgres) = (|f: &Figures| f.server, |f: &Figures| f.postgres);
        let failures: usize = self
            .loads
            .iter()
            .filter(|(k, e, _)| (*k, *e) == (kind, endpoint))
            .map(|(_, _, figures)| figures.failures)
            .sum();

        println!(
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.2} | {:.1} | {:.2} | {failures} |",
            endpoint.name(),
            kind.name(),
            of(kind, |f| f.per_second),
            of(kind, |f| f.median.as_secs_f64() * 1e3),
            of(kind, |f| f.slow.as_secs_f64() * 1e3),
            of(kind, server),
            times(server),
            of(kind, postgres),
            times(postgres),
        );
    }

    fn print_process(&self, kind: Kind) {
        let own = |all: &[(Kind, f64)]| -> Vec<f64> {
            all.iter()
                .filter(|(of, _)| *of == kind)
                .map(|(_, value)| *value)
                .collect()
        };
        let size = fs::metadata(Server::program(kind)).map_or(0, |file| file.len());
        let memory: String = own(&self.memory)
            .iter()
            .map(|mebibytes| format!(" {mebibytes:.0} |"))
            .collect();

        println!(
            "| {} | {:.0} |{memory} {:.1} |",
            kind.name(),
            median(own(&self.starts)),
            size as f64 / 1_048_576.0
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
