//! The app's own tests: a module a feature, and beside them what every app can mount.
//!
//! `sweeps` attack every operation of the API; `architecture` holds the schema, the document and the sources to what must be
//! true of each.

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

/// A file of the repository, by its path from the root.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
