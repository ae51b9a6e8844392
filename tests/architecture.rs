//! Checks of the app as a whole. The snapshots show the effect of a change; `just snapshots` renews
//! them.

use mainstay_testing::{assert_snapshot, checks};

use crate::file;

/// The app's columns with personal or secret values in clear, as `table.column`, each with a
/// reason.
const IN_CLEAR: &[(&str, &str)] = &[];

#[tokio::test]
async fn every_column_is_classified_and_sensitive_ones_are_sealed() {
    checks::schema(app::platform(), IN_CLEAR).await;
}

#[tokio::test]
async fn modules_declare_what_the_schema_seals() {
    checks::declarations(app::platform()).await;
}

#[test]
fn migrations_name_constraints_and_explain_destructive_statements() {
    checks::migrations(&file("migrations"));
}

#[tokio::test]
async fn the_record_of_processing_is_complete() {
    let page = checks::data_map(app::platform()).await;
    assert_snapshot(&file("docs/data-map.md"), &page);
}

#[tokio::test]
async fn the_serving_role_has_only_the_reviewed_privileges() {
    let rights = checks::serving_role(app::platform()).await;
    assert_snapshot(&file("tests/snapshots/serving-role.txt"), &rights);
}

#[test]
fn the_committed_document_matches_the_app() {
    let document = checks::document(&app::platform());
    assert_snapshot(&file("docs/openapi.json"), &document);
}

#[test]
fn the_app_depends_on_the_facade_alone() {
    checks::facade(&file(""), "app");
}

/// The list may shrink. Review every addition.
#[test]
fn every_way_around_the_types_is_listed() {
    let found = checks::ways_around(&file(""), &["app", "tests"]);
    assert_snapshot(&file("tests/snapshots/ways-around.txt"), &found);
}
