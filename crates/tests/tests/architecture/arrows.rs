//! Dependencies between crates point down.

use std::collections::BTreeMap;

use mainstay_testing::checks;
use mainstay_tests::root;

/// The crates and their levels. A crate may depend on lower levels only.
const LEVELS: [(&str, u8); 22] = [
    ("mainstay-kernel", 0),
    ("mainstay-assets", 0),
    ("mainstay-macros", 0),
    ("mainstay-config", 1),
    ("mainstay-access", 1),
    ("mainstay-devdb", 1),
    ("mainstay-telemetry", 2),
    ("mainstay-crypto", 2),
    ("mainstay-database", 3),
    ("mainstay-http", 4),
    ("mainstay-jobs", 4),
    ("mainstay-mail", 5),
    ("mainstay-audit", 5),
    ("mainstay-principals", 5),
    ("mainstay-accounts", 6),
    ("mainstay-watch", 6),
    ("mainstay-organizations", 7),
    ("mainstay-federation", 7),
    ("mainstay", 8),
    ("mainstay-testing", 9),
    ("mainstay-fixture", 9),
    ("mainstay-tests", 10),
];

#[test]
fn dependencies_point_to_lower_levels() {
    let floors = BTreeMap::from(LEVELS);
    let mut seen = 0;
    for it in checks::uses(&root()).iter().filter(|it| it.by_platform) {
        let floor = |name: &String| {
            floors
                .get(name.as_str())
                .unwrap_or_else(|| panic!("{name} has no level: add it to LEVELS"))
        };
        assert!(
            floor(&it.of) < floor(&it.by),
            "{} depends on {}, which is not on a lower level",
            it.by,
            it.of
        );
        seen += 1;
    }

    assert!(seen > 20, "found only {seen} dependencies");
}

/// Neither the platform nor its tests depend on the app, which an adopter may edit or delete.
#[test]
fn the_platform_does_not_depend_on_the_app() {
    for it in checks::uses(&root()) {
        assert!(
            it.of_platform || !it.by_platform,
            "{} belongs to the platform, but depends on {}, which does not",
            it.by,
            it.of
        );
    }
}

/// A production image must not contain code that creates and removes databases.
#[test]
fn devdb_is_for_development_only() {
    for it in checks::uses(&root()).iter().filter(|it| it.by_platform) {
        if it.of == "mainstay-devdb" {
            let allowed = it.is_for_tests
                || it.by == "mainstay-testing"
                || (it.by == "mainstay" && it.is_optional);
            assert!(allowed, "{} depends on mainstay-devdb", it.by);
        }

        if it.of == "mainstay-testing" {
            assert!(
                it.is_for_tests || it.by == "mainstay-tests",
                "{} depends on mainstay-testing",
                it.by
            );
        }
    }
}
