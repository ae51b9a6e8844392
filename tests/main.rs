//! The app's own tests: one module per feature, and the checks and sweeps of the test kit. `sweeps`
//! attacks every operation of the API; `architecture` checks the schema, the document and the
//! sources.

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
