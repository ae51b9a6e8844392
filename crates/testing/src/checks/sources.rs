//! The Rust files of a folder.

use std::{fs, path::Path};

/// A Rust file.
pub struct Source {
    /// Its path below the root, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Every Rust file below `folders` of `root`, in the order of their paths.
///
/// # Panics
/// When a folder cannot be read, or none of them has a Rust file.
pub fn sources(root: &Path, folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(root, &root.join(folder), &mut found);
    }

    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no Rust file in {folders:?}");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(root).unwrap();
            found.push(Source {
                path: below.to_string_lossy().into_owned(),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}
