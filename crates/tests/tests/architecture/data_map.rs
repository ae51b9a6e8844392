//! The record of processing: what is committed is what the service says of itself, and the service forgets nothing that
//! its schema holds (GDPR Article 30; OWASP ASVS 14.1.1, 14.1.2).

use std::collections::BTreeSet;

use mainstay::DataMap;
use mainstay_testing::{TestApp, assert_snapshot};
use mainstay_tests::root;

async fn data_map(app: &TestApp) -> DataMap {
    let rules = app.platform().retention_rules();
    DataMap::read(app.platform(), app.database(), &rules)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_committed_record_is_what_the_service_says() {
    let app = TestApp::start(fixture::platform()).await;
    let map = data_map(&app).await;
    assert_snapshot(&root().join("docs/data-map.md"), &map.to_markdown());
}

#[tokio::test]
async fn every_table_and_every_column_stands_in_it_with_its_class() {
    const COLUMNS: &str = r"
        SELECT c.relname::text, a.attname::text, col_description(c.oid, a.attnum)
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace
          AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
          AND a.attnum > 0
          AND NOT a.attisdropped
          AND c.relname <> 'refinery_schema_history'
    ";

    let app = TestApp::start(fixture::platform()).await;
    let map = data_map(&app).await;
    let told: BTreeSet<(String, String, String)> = map
        .tables
        .iter()
        .flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|column| {
                (
                    table.table.clone(),
                    column.column.clone(),
                    format!("{}: {}", column.class, column.description),
                )
            })
        })
        .collect();

    let rows = app.owner().await.run(COLUMNS, []).await.unwrap();
    let schema: BTreeSet<(String, String, String)> = rows
        .iter()
        .map(|row| {
            (
                row.get(0).unwrap(),
                row.get(1).unwrap(),
                row.get(2).unwrap(),
            )
        })
        .collect();

    assert!(schema.len() > 100);
    assert_eq!(told, schema);

    for table in &map.tables {
        assert!(
            !table.purpose.is_empty() && !table.retention.is_empty(),
            "{}",
            table.table
        );

        let sensitive = table
            .columns
            .iter()
            .filter(|column| ["personal", "secret"].contains(&column.class.as_str()));

        for column in sensitive {
            assert!(
                !column.protection.is_empty(),
                "{}.{}: how is it protected?",
                table.table,
                column.column
            );
        }
    }
}

/// What describes people is kept by somebody who answers for it.
#[tokio::test]
async fn every_table_with_personal_columns_has_a_module_that_keeps_it() {
    /// Those of the platform itself.
    const PLATFORM: [&str; 1] = ["jobs"];

    /// What is sealed for nobody in particular, or not at all, and what goes with the row that it belongs to.
    const NOBODY: [&str; 6] = [
        "audit_events",
        "finding_subjects",
        "findings",
        "sign_in_places",
        "sign_ups",
        "unique_indexes",
    ];

    let app = TestApp::start(fixture::platform()).await;
    let map = data_map(&app).await;
    let personal = map.tables.iter().filter(|table| {
        table
            .columns
            .iter()
            .any(|column| column.class == "personal")
    });

    for table in personal.filter(|table| !PLATFORM.contains(&table.table.as_str())) {
        assert!(
            table.module.is_some(),
            "{} holds personal data, and no module keeps it",
            table.table
        );
        assert!(
            table.subject.is_some() || NOBODY.contains(&table.table.as_str()),
            "{}: whom does a row describe?",
            table.table
        );
    }

    assert_eq!(map.recipients.len(), 3, "{:?}", map.recipients);
}
