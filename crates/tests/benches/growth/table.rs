//! The tables that the figures are printed in.

use crate::support::{figures::Figures, median};

/// The growth that is marked.
const MOST: f64 = 1.15;

/// Figures of kinds of requests at sizes of one thing, such as rows.
pub struct Table {
    /// What grows.
    of: &'static str,
    measured: Vec<(&'static str, u64, Figures)>,
}

impl Table {
    pub fn of(of: &'static str) -> Self {
        Self {
            of,
            measured: Vec::new(),
        }
    }

    pub fn add(&mut self, request: &'static str, size: u64, figures: Figures) {
        self.measured.push((request, size, figures));
    }

    pub fn print(&self) {
        println!(
            "\n| request | {} | CPU µs | x | Postgres CPU µs | x | together | x | p50 ms | failures |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
            self.of
        );
        let requests = distinct(self.measured.iter().map(|(request, ..)| *request));
        for request in requests {
            let mut sizes = distinct(self.own(request).map(|(_, size, _)| *size));
            sizes.sort_unstable();
            for size in &sizes {
                self.print_line(request, sizes[0], *size);
            }
        }
    }

    fn print_line(&self, request: &str, smallest: u64, size: u64) {
        let at = |size: u64, value: fn(&Figures) -> f64| {
            let own = self.own(request).filter(|(_, of, _)| *of == size);
            median(own.map(|(_, _, figures)| value(figures)).collect())
        };
        let cost = |value: fn(&Figures) -> f64| {
            let (cost, times) = (at(size, value), at(size, value) / at(smallest, value));
            format!("{cost:.1} | {}", marked(times))
        };
        let failures: usize = self
            .own(request)
            .filter(|(_, of, _)| *of == size)
            .map(|(_, _, figures)| figures.failures)
            .sum();

        println!(
            "| {request} | {size} | {} | {} | {} | {:.2} | {failures} |",
            cost(Figures::server),
            cost(Figures::postgres),
            cost(|figures| figures.server() + figures.postgres()),
            at(size, |figures| figures.median.as_secs_f64() * 1e3),
        );
    }

    fn own(&self, request: &str) -> impl Iterator<Item = &(&'static str, u64, Figures)> {
        self.measured.iter().filter(move |(of, ..)| *of == request)
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

fn marked(times: f64) -> String {
    if times > MOST {
        format!("**{times:.2}**")
    } else {
        format!("{times:.2}")
    }
}
