//! Queued work and mail: what is done, how often, and what leaves the house. A mail server stands in the tests that can
//! refuse, hang up and record.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/http.rs"]
mod http;
#[path = "../support/path.rs"]
mod path;
#[path = "../support/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;
#[path = "../support/remarks.rs"]
mod remarks;

mod crashes;
mod dead_paths;
mod delivery;
mod dev_mail;
mod encryption;
mod how_to;
mod jobs;
mod operators;
mod process;
mod queue;
mod replica_clocks;
mod retention;
mod smtp_server;
mod upkeep;
mod watch;
mod webhook;
mod webhook_receiver;
