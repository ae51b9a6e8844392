//! Measures whether a request costs the same with many rows and many replicas: `just bench-growth`.
//! It prints Markdown and asserts nothing, since the figures depend on the machine.
//!
//! The service runs as in production, on a Postgres with its default durability. First there are as
//! many customers as `ROWS` says, in a database for each number; then, with 100,000 customers, as
//! many replicas listen as `REPLICAS` says. Both are lists, such as `1000,10000000`; an empty one
//! skips its part. All sizes get the same load in turns, so that a busy machine disturbs all alike.
//! `SECONDS` and `ROUNDS` change the length of a load and the number of rounds.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

mod bulk;
mod ended_sessions;
mod indexes;
mod installation;
mod listeners;
mod rows;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other benches use more of it")]
mod support;
mod table;

use std::time::Duration;

use support::number;

/// Length of the load before the first round, which is not counted.
const WARM_UP: Duration = Duration::from_secs(4);

/// How often and how long each kind of request is measured.
#[derive(Clone, Copy)]
pub struct Rounds {
    count: u64,
    span: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = Rounds {
        count: number("ROUNDS", 3),
        span: Duration::from_secs(number("SECONDS", 5)),
    };
    println!(
        "Medians of {} interleaved rounds of {:?}; x = against the first line of a kind, bold above 1.15.",
        rounds.count, rounds.span
    );

    rows::measure(&numbers("ROWS", "1000,10000,100000,1000000"), rounds).await;
    listeners::measure(&numbers("REPLICAS", "1,8,64"), rounds).await;
}

/// A list of numbers from the environment.
fn numbers(name: &str, default: &str) -> Vec<u64> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',')
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().expect("the variable is a list of numbers"))
        .collect()
}
