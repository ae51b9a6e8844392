//! The Rust files of the workspace.

use std::{fs, path::Path};

use mainstay_tests::root;

/// A file: its path below the root, with slashes, and what it says.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// Every Rust file of the workspace, in the order of their paths.
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["crates"] {
        collect(&root().join(folder), &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(
        found.len() > 50,
        "the workspace has more files than {}",
        found.len()
    );
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .into_owned();
            found.push(Source {
                path: below,
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}
