use std::{collections::BTreeMap, process::Command};

use mainstay_tests::root;
use serde_json::Value;

/// The rooms from the ground up: each may use those below it, and none beside it.
const FLOORS: [(&str, u8); 17] = [
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
    ("mainstay-identity", 6),
    ("mainstay-watch", 6),
    ("mainstay", 7),
    ("mainstay-testing", 8),
];

struct Use {
    by: String,
    of: String,
    optional: bool,
    for_tests: bool,
}

/// Who uses whom, as cargo reads the manifests.
fn uses() -> Vec<Use> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours: Vec<_> = packages
        .iter()
        .map(|package| text(&package["name"]))
        .collect();

    packages
        .iter()
        .flat_map(|package| {
            package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |it| (package, it))
        })
        .filter(|(_, used)| ours.contains(&text(&used["name"])))
        .map(|(package, used)| Use {
            by: text(&package["name"]),
            of: text(&used["name"]),
            optional: used["optional"] == true,
            for_tests: used["kind"] == "dev",
        })
        .collect()
}

#[test]
fn the_arrows_point_down() {
    let floors = BTreeMap::from(FLOORS);
    let mut seen = 0;
    for Use { by, of, .. } in uses() {
        let (Some(user), Some(used)) = (floors.get(by.as_str()), floors.get(of.as_str())) else {
            assert!(
                ["app", "mainstay-tests"].contains(&by.as_str()),
                "{by} or {of} has no floor: give it one"
            );
            continue;
        };
        assert!(used < user, "{by} uses {of}, which is not below it");
        seen += 1;
    }

    assert!(seen > 20, "only {seen} arrows were found");
}

#[test]
fn the_app_uses_the_facade_alone() {
    let rooms: Vec<_> = uses()
        .into_iter()
        .filter(|it| it.by == "app")
        .map(|it| it.of)
        .collect();
    assert_eq!(rooms, ["mainstay"]);
}

/// What makes and removes databases must not be within reach of a production image.
#[test]
fn the_private_postgres_is_for_development() {
    for Use {
        by,
        of,
        optional,
        for_tests,
    } in uses()
    {
        if of == "mainstay-devdb" {
            let allowed = for_tests || by == "mainstay-testing" || (by == "mainstay" && optional);
            assert!(allowed, "{by} uses mainstay-devdb");
        }
        if of == "mainstay-testing" {
            assert!(
                for_tests || by == "mainstay-tests",
                "{by} uses mainstay-testing"
            );
        }
    }
}
