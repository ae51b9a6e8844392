//! The data directory of `dev`.

use std::path::{Path, PathBuf};

use mainstay_devdb::default_data_dir;

/// The given data directory, or the default.
pub(super) fn data_dir(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    match asked {
        Some(directory) => Ok(std::path::absolute(directory)?),
        None => Ok(default_data_dir(&std::env::current_dir()?)?),
    }
}
