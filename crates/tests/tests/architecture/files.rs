use mainstay_testing::checks::sources;
use mainstay_tests::root;

/// A file with more lines probably holds more than one idea.
const LONGEST: usize = 400;

#[test]
fn no_file_is_long() {
    let long: Vec<_> = sources(&root(), &["crates"])
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LONGEST)
        .collect();
    assert!(long.is_empty(), "more than {LONGEST} lines: {long:?}");
}

#[test]
fn every_crate_forbids_unsafe_code_through_the_workspace() {
    for source in sources(&root(), &["crates"])
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
