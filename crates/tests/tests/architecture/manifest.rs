//! `crates/MANIFEST`: the platform's version, and a hash of each of its files. It shows whether
//! `crates/` is as released.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use mainstay_tests::root;

fn file() -> PathBuf {
    root().join("crates/MANIFEST")
}

/// The manifest of the current files.
fn manifest() -> String {
    let mut hashes = BTreeMap::new();
    collect(&root().join("crates"), &mut hashes);

    let mut text = format!("version {}\n", env!("CARGO_PKG_VERSION"));
    for (path, hash) in hashes {
        writeln!(text, "{hash}  {path}").unwrap();
    }

    text
}

/// Hashes the files below a folder. Their paths are relative to `crates/`, with slashes.
fn collect(folder: &Path, hashes: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        // Ignored by `.gitignore`.
        let ignored = name == "node_modules" || name.ends_with(".profraw");
        if ignored || path == file() {
            continue;
        }

        if path.is_dir() {
            collect(&path, hashes);
        } else {
            let below = path.strip_prefix(root().join("crates")).unwrap();
            hashes.insert(below.to_string_lossy().into_owned(), sha256(&path));
        }
    }
}

fn sha256(path: &Path) -> String {
    let hash = digest(&SHA256, &fs::read(path).unwrap());
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The files of a manifest with their hashes.
fn entries(manifest: &str) -> BTreeMap<&str, &str> {
    manifest
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, path)| (path, hash))
        .collect()
}

/// The files that differ between two manifests, and how.
fn differences(released: &str, found: &str) -> Vec<String> {
    let (released, found) = (entries(released), entries(found));
    let gone = released
        .keys()
        .filter(|path| !found.contains_key(*path))
        .map(|path| format!("removed  {path}"));
    let other = found
        .iter()
        .filter_map(|(path, hash)| match released.get(path) {
            None => Some(format!("added    {path}")),
            Some(before) if before != hash => Some(format!("changed  {path}")),
            Some(_) => None,
        });

    other.chain(gone).collect()
}

#[test]
fn the_platform_matches_its_manifest() {
    let found = manifest();
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::write(file(), found).unwrap();
        return;
    }

    let released = fs::read_to_string(file()).unwrap_or_default();
    assert!(
        released == found,
        "crates/ does not match crates/MANIFEST:\n{}\n\n\
         crates/ is the platform as it was released. An upgrade replaces all of it, and your changes to it are lost.\n\
         - If you did not mean to change it, restore it: git checkout -- crates\n\
         - If you did, run `just manifest` and commit crates/MANIFEST with the change.\n\
         \x20 Make the change again after each upgrade.",
        differences(&released, &found).join("\n")
    );
}

#[test]
fn a_difference_is_reported_as_changed_added_or_removed() {
    let released = "version 1\naa  a.rs\nbb  b.rs\ncc  c.rs\n";
    let found = "version 1\naa  a.rs\nb0  b.rs\ndd  d.rs\n";
    assert_eq!(
        differences(released, found),
        ["changed  b.rs", "added    d.rs", "removed  c.rs"]
    );
}
