//! Measures whole requests over HTTP beside bare axum and sqlx on the same Postgres: `just bench`.
//! It prints Markdown and asserts nothing, since the figures depend on the machine.
//!
//! Mainstay runs as in production: TLS to Postgres, tokens, permissions, sealed fields, the audit
//! record, and a line of JSON per request. The bare server has none of these, and no TLS. Both get
//! the same load in turns, so that a busy machine disturbs both alike; processor time per request
//! holds even then. `SECONDS` and `ROUNDS` in the environment change the defaults of 6 and 3.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

mod bare;
mod report;
mod servers;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other benches use more of it")]
mod support;

use std::time::Duration;

use report::Report;
use servers::{Kind, Server, allow_plain_text};
use support::{database::Database, endpoint::Endpoint, number};

/// Number of customers.
const CUSTOMERS: u64 = 100_000;

/// The kinds of requests, logins last because they change the memory of the servers most.
const ENDPOINTS: [Endpoint; 5] = [
    Endpoint::Livez,
    Endpoint::Read,
    Endpoint::Page,
    Endpoint::Create,
    Endpoint::Login,
];

/// Number of measured starts of each server.
const STARTS: usize = 5;

/// Length of the load before the first round, which is not counted.
const WARM_UP: Duration = Duration::from_secs(2);

fn main() {
    let threads = |count: usize| {
        let mut builder = match count {
            1 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        builder.enable_all().build().expect("the runtime starts")
    };

    match std::env::var(bare::URL) {
        Ok(url) => threads(2).block_on(bare::serve(&url)),
        Err(_) => threads(1).block_on(measure()),
    }
}

async fn measure() {
    let (rounds, span) = (
        number("ROUNDS", 3),
        Duration::from_secs(number("SECONDS", 6)),
    );
    let database = Database::start(CUSTOMERS);
    allow_plain_text(&database);
    let (mut report, mut servers) = (Report::new(rounds, span), Vec::new());

    for kind in Kind::ALL {
        for _ in 0..STARTS {
            report.started(kind, kind.start(&database).await.started);
        }
        servers.push(Server::start(kind, &database).await);
    }

    for server in &servers {
        report.memory(server);
    }
    for endpoint in ENDPOINTS {
        if endpoint == Endpoint::Login {
            servers.iter().for_each(|server| report.memory(server));
        }
        for server in &servers {
            server.warm_up(endpoint, WARM_UP).await;
        }
        for round in 0..rounds {
            servers.rotate_left(usize::from(round > 0));
            for server in &servers {
                let figures = server.measure(&database, endpoint, span).await;
                report.measured(server.kind, endpoint, figures);
            }
        }
    }
    servers.iter().for_each(|server| report.memory(server));

    report.print();
}
