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
#[path = "../../tests/support/http.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod http;
mod load;
mod process;
#[path = "../../tests/support/program.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod program;
mod report;
mod servers;

use std::time::Duration;

use report::{Figures, Report};
use servers::{Database, Kind, Server};

/// The account that signs in at both servers.
const EMAIL: &str = "bench@example.com";

/// Number of measured starts of each server.
const STARTS: usize = 5;

/// Length of the load before the first round, which is not counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// A kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Livez,
    Read,
    Page,
    Create,
    Login,
}

impl Endpoint {
    /// All kinds, logins last because they change the memory of the servers most.
    const ALL: [Self; 5] = [
        Self::Livez,
        Self::Read,
        Self::Page,
        Self::Create,
        Self::Login,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Livez => "livez",
            Self::Read => "read one",
            Self::Page => "page of 50",
            Self::Create => "create + audit",
            Self::Login => "login",
        }
    }

    const fn connections(self) -> usize {
        match self {
            Self::Login => 4,
            _ => 32,
        }
    }
}

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
    let database = Database::start();
    let (mut report, mut servers) = (Report::new(rounds, span), Vec::new());

    for kind in Kind::ALL {
        for _ in 0..STARTS {
            report.started(kind, Server::start(&database, kind).await.started);
        }
        let server = Server::start(&database, kind).await;
        report.memory(&server);
        servers.push(server.signed_in().await);
    }

    for endpoint in Endpoint::ALL {
        if endpoint == Endpoint::Login {
            servers.iter().for_each(|server| report.memory(server));
        }
        for server in &servers {
            server.load(endpoint, WARM_UP).await;
        }
        for round in 0..rounds {
            servers.rotate_left(usize::from(round > 0));
            for server in &servers {
                let figures = Figures::of(server, &database, endpoint, span).await;
                report.measured(server.kind, endpoint, figures);
            }
        }
    }
    servers.iter().for_each(|server| report.memory(server));

    report.print();
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().expect("the variable is a number")
    })
}
