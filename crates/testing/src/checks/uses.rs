//! Dependencies between the packages of the workspace.

use std::{path::Path, process::Command};

use serde_json::Value;

/// A dependency of one package of the workspace on another.
pub struct Use {
    /// The package that depends.
    pub by: String,
    /// The package that it depends on.
    pub of: String,
    /// Whether `by` belongs to the platform: its manifest is below `crates/`.
    pub by_platform: bool,
    /// Whether `of` belongs to the platform.
    pub of_platform: bool,
    /// Whether a feature turns it on.
    pub is_optional: bool,
    /// Whether it is a dev-dependency.
    pub is_for_tests: bool,
}

/// Every dependency between packages of the workspace at `root`, from `cargo metadata`.
///
/// # Panics
/// When `cargo metadata` fails.
pub fn uses(root: &Path) -> Vec<Use> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline"])
        .args(["--format-version", "1"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let platform = root.canonicalize().unwrap().join("crates");
    let is_platform =
        |package: &Value| Path::new(text(&package["manifest_path"])).starts_with(&platform);

    let mut found = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(used) = packages.iter().find(|it| it["name"] == dependency["name"]) else {
                continue;
            };

            found.push(Use {
                by: text(&package["name"]).to_owned(),
                of: text(&used["name"]).to_owned(),
                by_platform: is_platform(package),
                of_platform: is_platform(used),
                is_optional: dependency["optional"] == true,
                is_for_tests: dependency["kind"] == "dev",
            });
        }
    }

    found
}

/// Asserts that a package depends on no crate of the platform but the façade `mainstay`, which is
/// stable.
///
/// # Panics
/// When it depends on another crate of the platform, or on none.
pub fn facade(root: &Path, package: &str) {
    let uses = uses(root);
    let found: Vec<_> = uses
        .iter()
        .filter(|it| it.by == package && it.of_platform)
        .map(|it| it.of.as_str())
        .collect();
    assert_eq!(
        found,
        ["mainstay"],
        "the platform crates that {package} depends on"
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
