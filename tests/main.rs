//! The app's tests: one module per feature, and the tests that every app can mount.
//!
//! `sweeps` attack every operation of the API. `architecture` checks rules for the schema, the document and the sources.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod architecture;
mod customers;
mod sweeps;

use std::path::{Path, PathBuf};

/// Returns the path of a file in the repository, relative to the root.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
