//! Paths in the workspace, for the tests of the whole platform.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// A committed snapshot.
pub fn snapshot(name: &str) -> PathBuf {
    root().join("crates/tests/snapshots").join(name)
}
