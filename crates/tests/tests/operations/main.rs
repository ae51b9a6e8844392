//! Operating the service: the command line, settings, shutdown, upgrades, and failures of the
//! database.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/path.rs"]
mod path;
#[path = "../support/pooler.rs"]
mod pooler;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/table_locks.rs"]
mod table_locks;
#[path = "../support/vault.rs"]
mod vault;

mod api_key_command;
mod audit_bucket;
mod audit_log;
mod clients;
mod command_line;
mod configuration;
mod connection_count;
mod connections;
mod data_map;
mod database_tls;
mod dead_paths;
mod dev;
mod drain;
mod faults;
mod key_rotation;
mod management_port;
mod metrics;
mod migration_locks;
mod old_months;
mod organization_command;
mod panics;
mod pooled;
mod restarts;
mod restored_keys;
mod rollback;
mod signals;
mod slow_statements;
mod terminal;
mod upgrade;
mod wrapped_keys;
