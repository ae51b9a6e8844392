//! Compares texts with committed files.

use std::{fs, path::Path};

/// Asserts that a text is what a committed file says. With `UPDATE_SNAPSHOTS=1` in the environment the file is written
/// instead, for a change that is meant.
///
/// # Panics
/// When they differ; the message names each line that is new or gone.
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
        "{} is not what the code says (+ is new, - is gone). If that is meant, run this test with UPDATE_SNAPSHOTS=1 in the \
         environment, and commit the file.{}{}",
        file.display(),
        lines_only_in(text, &committed, "+"),
        lines_only_in(&committed, text, "-"),
    );
}
