//! The tables that the figures are printed in.

use std::{fs, time::Duration};

use crate::{
    ENDPOINTS,
    servers::{Kind, Server},
    support::{endpoint::Endpoint, figures::Figures, median, process::memory},
};

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
        self.memory
            .push((server.kind, memory(server.service.pid())));
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
        for endpoint in ENDPOINTS {
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
            of(kind, Figures::per_second),
            of(kind, |f| f.median.as_secs_f64() * 1e3),
            of(kind, |f| f.slow.as_secs_f64() * 1e3),
            of(kind, Figures::server),
            times(Figures::server),
            of(kind, Figures::postgres),
            times(Figures::postgres),
        );
    }

    fn print_process(&self, kind: Kind) {
        let own = |all: &[(Kind, f64)]| -> Vec<f64> {
            all.iter()
                .filter(|(of, _)| *of == kind)
                .map(|(_, value)| *value)
                .collect()
        };
        let size = fs::metadata(kind.program()).map_or(0, |file| file.len());
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
