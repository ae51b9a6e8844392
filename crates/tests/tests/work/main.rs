//! Queued jobs and mail: which run, how often, and what is sent. The tests have their own mail
//! server, which can refuse, hang up and record.

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
#[expect(dead_code, reason = "other test targets use more of it")]
mod program;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/remarks.rs"]
mod remarks;
#[path = "../support/table_locks.rs"]
mod table_locks;

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
