//! The record of processing: every column with its purpose, recipients and retention.

use std::collections::BTreeSet;

use mainstay::{DataMap, Platform};

use crate::TestApp;

/// Every column with its comment.
const COLUMNS: &str = r"
    SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', ''),
        a.attname::text, col_description(c.oid, a.attnum)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
      AND a.attnum > 0
      AND NOT a.attisdropped
      AND c.relname NOT IN ('refinery_schema_history', 'schema_history')
";

/// Tables of the platform that belong to no module.
const PLATFORM: [&str; 1] = ["mainstay.jobs"];

/// Tables without a data subject: not sealed for one person, or deleted with the row that they
/// belong to.
const NO_SUBJECT: [&str; 6] = [
    "mainstay.audit_events",
    "mainstay.finding_subjects",
    "mainstay.findings",
    "mainstay.sign_in_places",
    "mainstay.sign_ups",
    "mainstay.unique_indexes",
];

/// Asserts that the record of processing is complete, and returns it as a page, for a snapshot
/// (GDPR Article 30; OWASP ASVS 14.1.1, 14.1.2).
///
/// # Panics
/// When a table or column is missing or has another class; when a table with personal columns has
/// no module, no purpose, no retention or no data subject; when a sensitive column has no
/// protection.
pub async fn data_map(platform: Platform) -> String {
    let app = TestApp::start(platform).await;
    let rules = app.platform().retention_rules();
    let map = DataMap::read(app.platform(), app.database(), &rules)
        .await
        .unwrap();

    every_column_is_in(&map, &app).await;
    every_table_is_explained(&map);
    every_personal_table_has_a_module(&map);
    map.to_markdown()
}

async fn every_column_is_in(map: &DataMap, app: &TestApp) {
    let listed: BTreeSet<(String, String, String)> = map
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
    assert_eq!(listed, schema);
}

fn every_table_is_explained(map: &DataMap) {
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
                "{}.{}: its protection is missing",
                table.table,
                column.column
            );
        }
    }
}

fn every_personal_table_has_a_module(map: &DataMap) {
    let personal = map.tables.iter().filter(|table| {
        table
            .columns
            .iter()
            .any(|column| column.class == "personal")
    });

    for table in personal.filter(|table| !PLATFORM.contains(&table.table.as_str())) {
        assert!(
            table.module.is_some(),
            "{} holds personal data, but no module declares it",
            table.table
        );
        assert!(
            table.subject.is_some() || NO_SUBJECT.contains(&table.table.as_str()),
            "{}: its data subject is missing",
            table.table
        );
    }
}
