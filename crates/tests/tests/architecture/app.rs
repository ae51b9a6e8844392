//! The checks that every app can mount, on the fixture: what they say of the platform's own schema, document and sources.

use mainstay::database::{KeyHolder, Scope};
use mainstay_testing::{assert_snapshot, checks};
use mainstay_tests::{root, snapshot};

#[tokio::test]
async fn every_column_is_classified_and_what_is_sensitive_is_sealed() {
    checks::schema(fixture::platform(), &[]).await;
}

#[tokio::test]
async fn what_modules_declare_is_what_the_schema_seals() {
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
async fn the_serving_role_has_the_rights_that_were_reviewed() {
    let rights = checks::serving_role(fixture::platform()).await;
    assert_snapshot(&snapshot("serving-role.txt"), &rights);
}

#[test]
fn the_document_says_what_the_platform_does() {
    checks::document(&fixture::platform());
}

#[test]
fn migrations_name_what_they_make_and_say_why_they_destroy() {
    for folder in ["crates/mainstay/migrations", "crates/fixture/migrations"] {
        checks::migrations(&root().join(folder));
    }
}

/// An app has tables of any name in the schema `public`: nothing of the platform may be there.
#[test]
fn migrations_of_the_platform_stay_in_its_schema() {
    checks::migrations_stay_in(&root().join("crates/mainstay/migrations"), "mainstay");
}

/// Security promises hold by construction but here. The list may shrink; it grows by a reviewed change of the snapshot.
#[test]
fn nobody_new_goes_around_the_types() {
    let found = checks::ways_around(&root(), &["crates"]);
    assert_snapshot(&snapshot("ways-around.txt"), &found);
}
