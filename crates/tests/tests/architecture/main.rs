//! What must be true of the code and of the schema as wholes, each promise with a test that fails when it is broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod arrows;
mod data_map;
mod document;
mod files;
mod migrations;
mod registry;
mod roles;
mod schema;
mod sources;
mod ways_around;
