//! The test kit: a complete service on its own database, actors who call it over HTTP, and security
//! sweeps over the API.
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
//! let created = agent.post("/v1/customers", json!({ "full_name": "Ada", "email": "ada@example.org" })).await;
//! let path = created.assert_status(201).location();
//! app.stranger(Owner).await.get(&path).await.assert_problem(404, "not_found");
//! # }
//! ```
//!
//! - [`TestApp`] starts a service in tens of milliseconds: each process runs one throwaway
//!   Postgres, and each test gets a copy of the migrated database;
//! - [`Actor`] and [`Client`] call it over TCP: as a member with a
//!   [`BuiltInRole`](mainstay_access::BuiltInRole), as a member of another organization, or without
//!   credentials;
//! - [`sweeps`] attack every operation in the API document, including those you add later;
//! - [`checks`] check an app's schema, API document and sources;
//! - [`TestApp::mail_to`] waits for an e-mail from the service;
//! - [`OpenIdProvider`] is an external sign-in provider that misbehaves on demand;
//! - [`RoundTrips`] counts the round trips between the service and Postgres;
//! - [`assert_snapshot`] compares text with a committed file.
//!
//! Everything here panics on failure. Use it in tests only.

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
