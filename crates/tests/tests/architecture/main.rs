//! Rules for the code, the schema and every operation. Each rule has a test that fails when it is
//! broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod app;
mod arrows;
mod artefacts;
mod circles;
mod document;
mod files;
mod growth;
mod manifest;
mod names;
mod owners;
mod pages;
mod rhythm;
mod roles;
mod rows;
mod sweeps;
