//! The checks for apps, run on the fixture: they cover the platform's own schema, document and
//! sources.

use mainstay::database::{KeyHolder, Scope};
use mainstay_testing::{assert_snapshot, checks};
use mainstay_tests::{root, snapshot};

#[tokio::test]
async fn every_column_is_classified_and_sensitive_ones_are_sealed() {
    checks::schema(fixture::platform(), &[]).await;
}

#[tokio::test]
async fn modules_declare_what_the_schema_seals() {
    checks::declarations(fixture::platform()).await;

    let tables = fixture::platform().tables();
    let customers = tables.iter().find(|it| it.table == "customers").unwrap();
    assert_eq!(
        (customers.scope, customers.subject, &customers.key),
        (Scope::Organization, "id", &KeyHolder::Row)
    );
}

#[tokio::test]
async fn the_record_of_processing_is_complete() {
    let page = checks::data_map(fixture::platform()).await;
    assert_snapshot(&snapshot("data-map.md"), &page);
}

#[tokio::test]
async fn the_serving_role_has_only_the_reviewed_privileges() {
    let rights = checks::serving_role(fixture::platform()).await;
    assert_snapshot(&snapshot("serving-role.txt"), &rights);
}

#[test]
fn the_committed_document_matches_the_platform() {
    checks::document(&fixture::platform());
}

#[test]
fn migrations_name_constraints_and_explain_destructive_statements() {
    for folder in ["crates/mainstay/migrations", "crates/fixture/migrations"] {
        checks::migrations(&root().join(folder));
    }
}

/// An app has tables of any name in the schema `public`: nothing of the platform may be there.
#[test]
fn migrations_of_the_platform_stay_in_its_schema() {
    checks::migrations_stay_in(&root().join("crates/mainstay/migrations"), "mainstay");
}

/// The only places where a security guarantee does not hold by construction. The list may shrink;
/// it grows by a reviewed change of the snapshot.
#[test]
fn every_way_around_the_types_is_listed() {
    let found = checks::ways_around(&root(), &["crates"]);
    assert_snapshot(&snapshot("ways-around.txt"), &found);
}
