//! Adoption, in a copy of the repository: delete the sample, follow the tutorial. After each, the
//! app builds and its own tests pass.

use std::{fs, process::Command};

use mainstay_tests::root;

use crate::{
    checkout::Checkout,
    tutorial::{Step, steps},
};

/// The app's own tests, and its program. Of the whole workspace, so that what was built for this
/// test's run will do.
const TESTS: &[&str] = &[
    "test",
    "--locked",
    "--offline",
    "--workspace",
    "--test",
    "app",
    "--bin",
    "app",
];

const RENEW: [(&str, &str); 1] = [("UPDATE_SNAPSHOTS", "1")];

/// One test, since both parts build in one copy.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped check must be visible")]
fn an_app_can_delete_the_sample_and_follow_the_tutorial() {
    if !is_the_sample() {
        eprintln!("skipped: app/ is your own app, not the sample of the documentation");
        return;
    }

    let checkout = Checkout::copy();
    delete_the_sample(&checkout);
    checkout.restore(&["app", "docs", "migrations", "tests"]);
    follow_the_tutorial(&checkout);
}

/// Whether the app has the feature `customers` and no other.
fn is_the_sample() -> bool {
    let list = fs::read_to_string(root().join("app/src/lib.rs")).unwrap_or_default();
    let features: Vec<_> = list
        .lines()
        .filter(|line| line.trim_start().starts_with(".module("))
        .collect();

    matches!(features[..], [feature] if feature.contains("customers::module()"))
}

/// Runs the commands of docs/how-to.md, except the last one, which renews the snapshots.
fn delete_the_sample(checkout: &Checkout) {
    let page = fs::read_to_string(root().join("docs/how-to.md")).expect("the page exists");
    let (_, section) = page
        .split_once("\n## Make the app your own\n")
        .expect("the page has the section");
    let commands: Vec<_> = section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    let Some(("just snapshots", commands)) = commands.split_last().map(|(last, all)| (*last, all))
    else {
        panic!("the last command must renew the snapshots: {commands:?}");
    };
    assert!(commands.len() >= 2, "{commands:?}");

    for command in commands {
        let status = Command::new("sh")
            .args(["-ec", command])
            .current_dir(checkout.path())
            .status();
        assert!(status.expect("the shell runs").success(), "{command}");
    }

    checkout.cargo(TESTS, &RENEW);
    // The sweeps, which take longest, have just passed.
    let architecture = ["--", "architecture"];
    checkout.cargo(&[TESTS, &architecture].concat(), &[]);
}

/// Follows the tutorial exactly: the resulting feature must pass the sweeps and its own tests.
fn follow_the_tutorial(checkout: &Checkout) {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).expect("the tutorial exists");
    let steps = steps(&text);
    assert!(steps.len() > 8, "{steps:?}");

    let migrations = fs::read_dir(root().join("migrations")).expect("the migrations exist");
    let count = migrations
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "sql"))
        .count();
    let next = format!("migrations/V{}__", count + 1);
    assert!(
        matches!(&steps[0], Step::Write { path, .. } if path.starts_with(&next)),
        "the tutorial's migration must have the number {next}"
    );

    for step in &steps {
        step.follow(checkout.path());
    }
    checkout.cargo(TESTS, &RENEW);
}
