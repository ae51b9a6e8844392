//! The test application: a whole service on a database of its own, actors who call it over HTTP, and the sweeps.
//!
//! ```no_run
//! # use mainstay::Platform;
//! use mainstay_access::BuiltInRole::{Agent, Owner};
//! use mainstay_testing::TestApp;
//! use serde_json::json;
//!
//! # async fn test(platform: Platform) {
//! let app = TestApp::start(platform).await;
//! let agent = app.actor(Agent).await;
//! let made = agent.post("/v1/customers", json!({ "full_name": "Ada", "email": "ada@example.org" })).await;
//! let path = made.assert_status(201).location();
//! app.stranger(Owner).await.get(&path).await.assert_problem(404, "not_found");
//! # }
//! ```
//!
//! - [`TestApp`] starts in some tens of milliseconds: the process has one throwaway Postgres, and each test a copy of
//!   the migrated database;
//! - [`Actor`] and [`Client`] call it over TCP, as [`BuiltInRole`](mainstay_access::BuiltInRole)s, strangers or nobody;
//! - [`sweeps`] attack every operation of the API's document, also those that are not written yet;
//! - [`checks`] hold an app's schema, document and sources to what must be true of each;
//! - [`TestApp::mail_to`] waits for mail that the service sends;
//! - [`OpenIdProvider`] is a provider to sign in by, which misbehaves on demand;
//! - [`RoundTrips`] counts how often the service asked Postgres;
//! - [`assert_snapshot`] compares a text with a committed file.
//!
//! What fails here panics with a message: this is for tests, and no part of a service.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod actors;
mod answer;
mod app;
mod builder;
pub mod checks;
mod client;
mod contents;
mod databases;
mod mail;
mod openid_provider;
mod postgres;
mod queue;
mod replica;
mod round_trips;
mod schemas;
mod server;
mod snapshot;
pub mod sweeps;
pub mod tokens;

pub use actors::{Actor, PASSWORD};
pub use answer::{Answer, ProblemAnswer};
pub use app::TestApp;
pub use builder::Builder;
pub use client::{Call, Client};
pub use contents::Contents;
pub use mail::Message;
pub use openid_provider::{Misbehaviour, OpenIdProvider, Redirected, Script, Signing};
pub use replica::Replica;
pub use round_trips::RoundTrips;
pub use schemas::{Schemas, Violation};
pub use snapshot::assert_snapshot;
