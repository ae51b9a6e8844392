//! Rows are read by the names of their columns. Only the data access itself, and tests, read them by
//! position.

use mainstay_testing::checks;
use mainstay_tests::root;
use regex::Regex;

/// `row.get(…)` with any position, and `.get(7)` of anything.
const BY_POSITION: &str = r"\brow\.get\b|\.get(::<.+>)?\(\d+\)";

/// The crates that may: the data access, and the test kit.
const EXEMPT: [&str; 2] = ["crates/database/", "crates/testing/"];

#[test]
fn no_row_is_read_by_position() {
    let by_position = Regex::new(BY_POSITION).unwrap();
    let mut found = Vec::new();

    for source in checks::sources(&root(), &["app", "crates"]) {
        let is_product = source.path.starts_with("app/src") || source.path.contains("/src/");
        if !is_product || EXEMPT.iter().any(|exempt| source.path.starts_with(exempt)) {
            continue;
        }

        for (number, line) in (1..).zip(source.text.lines()) {
            if by_position.is_match(line) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }

    assert!(
        found.is_empty(),
        "derive `FromRow`, and read these by name: {found:#?}"
    );
}

#[test]
fn reads_by_position_are_recognized() {
    let by_position = Regex::new(BY_POSITION).unwrap();

    for line in [
        "row.get(0)?",
        "found.get::<Vec<u8>>(12)?",
        "row.get(first + 1)?",
    ] {
        assert!(by_position.is_match(line), "{line}");
    }
    for line in ["map.get(key)", "row.get_mut()", "fields.get::<i64>(name)"] {
        assert!(!by_position.is_match(line), "{line}");
    }
}
