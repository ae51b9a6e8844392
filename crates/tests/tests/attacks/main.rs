//! Attacks on the service, each with what an attacker can really send: bytes on a socket, crafted
//! tokens, and rows changed with the database's password. Attacks on every operation are in
//! `sweeps.rs`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/authenticators.rs"]
mod authenticators;
#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/external.rs"]
mod external;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/https.rs"]
mod https;
#[path = "../support/locks.rs"]
mod locks;
#[path = "../support/oauth.rs"]
mod oauth;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/table_locks.rs"]
mod table_locks;

mod aborted_statements;
mod anonymous_rows;
mod browsers;
mod careless_queries;
mod careless_statements;
mod consent;
mod credential_races;
mod declarations;
mod dumps;
mod erasure;
mod exported_log;
mod external_sign_in;
mod floods;
mod forged_headers;
mod forged_records;
mod framing;
mod guessing;
mod immutable_log;
mod jws;
mod jws_classes;
mod limits;
mod lockouts;
mod log;
mod mailboxes;
mod membership_races;
mod oauth_attacks;
mod parser;
mod provider_keys;
mod queries;
mod raw_http;
mod resealed_accounts;
mod restored_log;
mod rotation;
mod scopes;
mod sealed_log;
mod sealed_order;
mod sealing;
mod second_factors;
mod secrecy;
mod sign_in;
mod slow_readers;
mod stalled_bodies;
mod thinned_seal;
mod tokens;
mod transplants;
mod unique_columns;
