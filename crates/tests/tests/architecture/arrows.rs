use std::collections::BTreeMap;

use mainstay_testing::checks;
use mainstay_tests::root;

/// The rooms from the ground up: each may use those below it, and none beside it.
const FLOORS: [(&str, u8); 22] = [
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
fn the_arrows_point_down() {
    let floors = BTreeMap::from(FLOORS);
    let mut seen = 0;
    for it in checks::uses(&root()).iter().filter(|it| it.by_platform) {
        let floor = |name: &String| {
            floors
                .get(name.as_str())
                .unwrap_or_else(|| panic!("{name} has no floor: give it one"))
        };
        assert!(
            floor(&it.of) < floor(&it.by),
            "{} uses {}, which is not below it",
            it.by,
            it.of
        );
        seen += 1;
    }

    assert!(seen > 20, "only {seen} arrows were found");
}

/// What an adopter edits, or deletes, is no part of the platform: neither of its code nor of its tests.
#[test]
fn the_platform_does_not_use_the_app() {
    for it in checks::uses(&root()) {
        assert!(
            it.of_platform || !it.by_platform,
            "{} is of the platform and uses {}, which is not",
            it.by,
            it.of
        );
    }
}

/// What makes and removes databases must not be within reach of a production image.
#[test]
fn the_private_postgres_is_for_development() {
    for it in checks::uses(&root()).iter().filter(|it| it.by_platform) {
        if it.of == "mainstay-devdb" {
            let allowed = it.is_for_tests
                || it.by == "mainstay-testing"
                || (it.by == "mainstay" && it.is_optional);
            assert!(allowed, "{} uses mainstay-devdb", it.by);
        }

        if it.of == "mainstay-testing" {
            assert!(
                it.is_for_tests || it.by == "mainstay-tests",
                "{} uses mainstay-testing",
                it.by
            );
        }
    }
}
