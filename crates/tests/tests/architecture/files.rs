//! The size of files, and lints that no file may switch off.

use mainstay_testing::checks;
use mainstay_tests::root;

/// A file with more lines probably holds more than one idea.
const LONGEST: usize = 400;

/// The tests of one subject may be more: they are independent of each other.
const LONGEST_OF_TESTS: usize = 600;

#[test]
fn no_file_is_long() {
    let long: Vec<_> = checks::sources(&root(), &["crates"])
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, path)| *lines > most_lines_of(path))
        .collect();
    assert!(long.is_empty(), "too many lines: {long:?}");
}

fn most_lines_of(path: &str) -> usize {
    if path.starts_with("crates/tests/tests/") {
        LONGEST_OF_TESTS
    } else {
        LONGEST
    }
}

#[test]
fn every_crate_forbids_unsafe_code_through_the_workspace() {
    for source in checks::sources(&root(), &["crates"])
        .iter()
        .filter(|source| !source.path.contains("/ui/"))
    {
        assert!(
            !source.text.contains(&["allow", "(unsafe_code"].concat()),
            "{}",
            source.path
        );
    }

    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}
