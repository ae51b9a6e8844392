//! The `data-map` command: the record of processing from a running service's database.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use mainstay_testing::TestApp;
use mainstay_tests::snapshot;
use serde_json::Value;

use crate::program::{beside, program};

/// The output of the command, with extra settings.
fn data_map(
    environment: &[(&'static str, String)],
    arguments: &[&str],
    also: &[(&str, &str)],
) -> String {
    let mut command = program(["data-map"].iter().chain(arguments));
    let output = command
        .envs(environment.to_vec())
        .envs(also.iter().copied())
        .output()
        .expect("the program starts");

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "the command wrote to standard error: {}",
        String::from_utf8_lossy(&output.stderr)
    );

    String::from_utf8(output.stdout).expect("the file is text")
}

#[tokio::test]
async fn the_record_of_processing_is_printed_as_a_page() {
    let (_app, environment) = beside(TestApp::builder(fixture::platform())).await;
    let committed =
        fs::read_to_string(snapshot("data-map.md")).expect("the committed file is read");
    assert_eq!(data_map(&environment, &[], &[]), committed);

    // It shows this deployment's settings, not the defaults.
    let kept = data_map(
        &environment,
        &[],
        &[("MAINSTAY_RETENTION_RULES", "customers=1095d")],
    );

    let retention = |page: &str| {
        let (_, customers) = page
            .split_once("\n## customers\n")
            .expect("the page has the table");
        customers
            .lines()
            .find(|line| line.starts_with("- Retention: "))
            .expect("the page has the retention")
            .to_owned()
    };

    assert_ne!(retention(&kept), retention(&committed));
    assert!(
        retention(&kept).contains("erased 1095d after `updated_at`"),
        "{}",
        retention(&kept)
    );
}

/// A fresh clone has no settings and no database: the command starts a temporary one.
#[test]
fn the_record_of_processing_needs_no_settings() {
    let mut builder = tempfile::Builder::new();
    // When the test runs as root, Postgres runs as another user and needs access.
    let directory = builder
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("the temporary file is created");
    let place = directory.path().join("data").display().to_string();
    let committed =
        fs::read_to_string(snapshot("data-map.md")).expect("the committed file is read");
    assert_eq!(data_map(&[], &["--data-dir", &place], &[]), committed);
}

#[tokio::test]
async fn the_record_of_processing_is_printed_as_json() {
    const COLUMNS: &str = r"
        SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', ''), a.attname::text,
            split_part(col_description(c.oid, a.attnum), ':', 1)
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
          AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
          AND a.attnum > 0
          AND NOT a.attisdropped
          AND c.relname NOT IN ('refinery_schema_history', 'schema_history')
    ";

    let (app, environment) = beside(TestApp::builder(fixture::platform())).await;
    let map: Value =
        serde_json::from_str(&data_map(&environment, &["--json"], &[])).expect("the text is JSON");

    assert_eq!(map["service"], "Customer service");

    let list = |value: &Value| value.as_array().cloned().expect("the member is a list");
    let tables: BTreeMap<String, Value> = list(&map["tables"])
        .into_iter()
        .map(|table| (table["table"].as_str().unwrap_or("").to_owned(), table))
        .collect();

    let column = |table: &str, name: &str| {
        let columns = list(
            &tables
                .get(table)
                .unwrap_or_else(|| panic!("{table} is missing"))["columns"],
        );
        columns
            .into_iter()
            .find(|column| column["column"] == name)
            .unwrap_or_else(|| panic!("{table}.{name} is missing"))
    };

    // Every column of the schema has its class.
    let rows = app
        .owner()
        .await
        .run(COLUMNS, [])
        .await
        .expect("the schema is read");

    assert!(rows.len() > 100, "{}", rows.len());

    for row in rows {
        let [table, name, class]: [String; 3] =
            [0, 1, 2].map(|at| row.get(at).expect("the column is text"));
        assert_eq!(
            column(&table, &name)["class"],
            Value::from(class),
            "{table}.{name}"
        );
    }

    // Every table that a module registered has its data subject and the protection of its columns.
    let registered = app.platform().tables();
    assert!(registered.len() > 5, "{}", registered.len());

    for table in registered {
        let record = &tables[table.table];
        assert!(
            record["subject"].is_string() && record["erasure"].is_string(),
            "{record}"
        );
        assert!(
            record["module"].is_string() && record["retention"].is_string(),
            "{record}"
        );

        let sealed = table
            .columns
            .iter()
            .map(|sealed| (sealed.column, "sealed: AES-256-GCM"));
        let indexes = table
            .indexes
            .iter()
            .map(|index| (index.column, "blind index of "));

        for (name, how) in sealed.chain(indexes) {
            let column = column(table.table, name);
            assert!(
                column["protection"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(how)),
                "{}: {column}",
                table.table
            );
        }
    }

    assert_eq!(list(&map["recipients"]).len(), 3, "{}", map["recipients"]);
    assert!(
        list(&tables["customers"]["access"])
            .iter()
            .any(|access| access["needs"] == "customers.erase")
    );
}
