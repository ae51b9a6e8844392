//! Rules for the app as a whole. The snapshots show the effect of a change; `just snapshots` updates them.

use mainstay_testing::{assert_snapshot, checks};

use crate::file;

/// Columns of the app with unsealed personal or secret values, as `table.column`, each with its reason.
const IN_CLEAR: &[(&str, &str)] = &[];

#[tokio::test]
async fn every_column_is_classified_and_what_is_sensitive_is_sealed() {
    checks::schema(app::platform(), IN_CLEAR).await;
}

#[tokio::test]
async fn what_modules_declare_is_what_the_schema_seals() {
    checks::declarations(app::platform()).await;
}

#[test]
fn migrations_name_what_they_make_and_say_why_they_destroy() {
    checks::migrations(&file("migrations"));
}

#[tokio::test]
async fn the_record_of_processing_is_complete() {
    let page = checks::data_map(app::platform()).await;
    assert_snapshot(&file("docs/data-map.md"), &page);
}

#[tokio::test]
async fn the_serving_role_has_the_rights_that_were_reviewed() {
    let rights = checks::serving_role(app::platform()).await;
    assert_snapshot(&file("tests/snapshots/serving-role.txt"), &rights);
}

#[test]
fn the_committed_document_is_the_served_one() {
    let document = checks::document(&app::platform());
    assert_snapshot(&file("docs/openapi.json"), &document);
}

#[test]
fn the_app_uses_the_facade_alone() {
    checks::facade(&file(""), "app");
}

/// The list may shrink. Review every addition.
#[test]
fn every_way_around_the_types_is_listed() {
    let found = checks::ways_around(&file(""), &["app", "tests"]);
    assert_snapshot(&file("tests/snapshots/ways-around.txt"), &found);
}
