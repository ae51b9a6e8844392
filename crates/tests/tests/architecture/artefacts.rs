//! Tables of the documentation that are generated from the code. `UPDATE_SNAPSHOTS=1` renews them.

use std::fs;

use mainstay_testing::assert_snapshot;
use mainstay_tests::root;

/// The table of settings is generated; the text around it is written by hand.
#[test]
fn every_setting_is_documented() {
    let file = root().join("docs/configuration.md");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let is_row = |line: &&str| line.starts_with('|');
    let before = text.lines().take_while(|line| !is_row(line));
    let after = text
        .lines()
        .skip_while(|line| !is_row(line))
        .skip_while(is_row);

    let reference = mainstay::settings_reference();
    let expected: String = before
        .chain(reference.lines())
        .chain(after)
        .map(|line| format!("{line}\n"))
        .collect();

    assert_snapshot(&file, &expected);
}

/// The table of metrics is generated; the text around it is written by hand.
#[test]
fn every_metric_is_documented() {
    const HEAD: &str = "| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n";

    let file = root().join("docs/operations.md");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (before, after) = text.split_once(HEAD).expect("the page has the table");
    let rest: String = after
        .lines()
        .skip_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();

    let table = mainstay::telemetry::metrics::reference();
    assert_snapshot(&file, &format!("{before}{table}{rest}"));
}

/// OWASP ASVS 16.2.1: the logged security events are documented under stable names.
#[test]
fn every_security_event_is_documented() {
    let file = root().join("docs/identity.md");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (before, after) = text
        .split_once("| action | when |\n|---|---|\n")
        .expect("the page has the table");
    let rest = after
        .lines()
        .skip_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"));

    let rows = mainstay::identity::audit_vocabulary()
        .into_iter()
        .map(|row| format!("{row}\n"));
    let table: String = rows.chain(rest).collect();

    assert_snapshot(
        &file,
        &format!("{before}| action | when |\n|---|---|\n{table}"),
    );
}
