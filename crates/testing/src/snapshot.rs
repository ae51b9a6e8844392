//! Compares texts with committed files.

use std::{fs, path::Path};

/// Asserts that `text` equals a committed file. With `UPDATE_SNAPSHOTS=1` in the environment it
/// writes the file instead.
///
/// # Panics
/// When they differ; the message lists each added and removed line.
pub fn assert_snapshot(file: &Path, text: &str) {
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        file.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(file, text))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
        return;
    }

    let committed = fs::read_to_string(file).unwrap_or_default();
    if committed == text {
        return;
    }

    let lines_only_in = |one: &str, other: &str, mark: &str| -> String {
        let other: Vec<_> = other.lines().collect();
        one.lines()
            .filter(|line| !other.contains(line))
            .map(|line| format!("\n{mark} {line}"))
            .collect()
    };

    panic!(
        "{} is out of date (+ added, - removed). If the change is intended, run this test with UPDATE_SNAPSHOTS=1 \
         and commit the file.{}{}",
        file.display(),
        lines_only_in(text, &committed, "+"),
        lines_only_in(&committed, text, "-"),
    );
}
