//! What modules declare about sealed data is what the schema contains.

use std::collections::BTreeSet;

use mainstay::Platform;
use mainstay_database::{Erasure, KeyHolder, SealedTable};

use super::unique_columns::unique_columns;
use crate::TestApp;

/// Columns of bytes: `table.column`, comment.
const COLUMNS: &str = r"
    SELECT replace(
        c.relnamespace::regnamespace || '.' || c.relname, 'public.', ''
    ) || '.' || a.attname, coalesce(col_description(c.oid, a.attnum), '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
      AND a.attnum > 0
      AND NOT a.attisdropped
      AND a.atttypid = 'bytea'::regtype
";

/// Personal columns of bytes that are neither sealed nor a blind index, each with a reason.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "mainstay.sign_in_places.place",
        "a keyed hash of a network, which is never opened: it expires and is not rotated",
    ),
    (
        "mainstay.unique_indexes.digest",
        "the blind indexes of other tables under each key; written and rotated with them",
    ),
];

/// Tables with a `data_key` column.
const HOLDERS: &str = r"
    SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
      AND a.attname = 'data_key'
      AND NOT a.attisdropped
";

/// Columns that may be null.
const NULLABLE: &str = r"
    SELECT replace(
        c.relnamespace::regnamespace || '.' || c.relname, 'public.', ''
    ) || '.' || a.attname
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND c.relkind IN ('r', 'p')
      AND a.attnum > 0
      AND NOT a.attnotnull
";

/// Asserts that the modules declare what the schema seals. Rotation, export and erasure read the
/// declarations and would miss an undeclared column.
///
/// # Panics
/// When a sealed column, a blind index or a data key of the schema is undeclared or declared
/// differently; when a unique column lacks its constraint or its trigger; when a column that an
/// erasure clears is not nullable.
pub async fn declarations(platform: Platform) {
    let app = TestApp::start(platform).await;
    let tables = app.platform().tables();

    sealed_columns(&app, &tables).await;
    data_keys(&app, &tables).await;
    unique_columns(&app).await;
    emptied_columns(&app, &tables).await;
}

async fn sealed_columns(app: &TestApp, tables: &[SealedTable]) {
    let boxes = app.platform().private_columns();
    let cells = tables.iter().flat_map(|table| {
        table
            .columns
            .iter()
            .map(|it| format!("{}.{}", table.table, it.column))
    });

    let private = boxes.iter().map(|it| format!("{}.{}", it.table, it.column));
    let declared: BTreeSet<String> = cells.chain(private).collect();

    let indexes: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| {
            table
                .indexes
                .iter()
                .map(|it| format!("{}.{}", table.table, it.column))
        })
        .collect();

    let (mut sealed, mut indexed) = (BTreeSet::new(), BTreeSet::new());
    for row in app.owner().await.run(COLUMNS, []).await.unwrap() {
        let (name, comment): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        if comment.contains("sealed") {
            sealed.insert(name);
        } else if comment.contains("blind index") {
            indexed.insert(name);
        } else {
            let listed = ELSEWHERE.iter().any(|(listed, _)| *listed == name);
            assert!(
                !comment.starts_with("personal: ") || listed,
                "{name} is personal, but neither sealed nor a blind index"
            );
        }
    }

    assert_eq!(
        sealed, declared,
        "sealed columns in the schema's comments, and those that modules declare"
    );
    assert_eq!(
        indexed, indexes,
        "blind indexes in the schema's comments, and those that modules declare"
    );
}

async fn data_keys(app: &TestApp, tables: &[SealedTable]) {
    let holders: BTreeSet<String> = app
        .owner()
        .await
        .run(HOLDERS, [])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();

    let own = tables
        .iter()
        .filter(|table| table.is_sealed() && table.key == KeyHolder::Row);
    assert_eq!(holders, own.map(|table| table.table.to_owned()).collect());

    for table in tables {
        if let KeyHolder::Other { table: holder, .. } = table.key {
            assert!(
                holders.contains(holder),
                "{}: {holder} has no data_key",
                table.table
            );
        }

        for index in &table.indexes {
            let source = table
                .columns
                .iter()
                .any(|column| column.column == index.source);
            assert!(
                source,
                "{}.{} is computed from {}, which is not sealed",
                table.table, index.column, index.source
            );
        }
    }
}

/// A row that survives an erasure loses its key and blind indexes, so these columns must be
/// nullable.
async fn emptied_columns(app: &TestApp, tables: &[SealedTable]) {
    let nullable: BTreeSet<String> = app
        .owner()
        .await
        .run(NULLABLE, [])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();

    let emptied = tables
        .iter()
        .filter(|table| table.erasure == Erasure::Empty && table.is_sealed());

    for table in emptied {
        let indexes = table.indexes.iter().map(|index| index.column);
        for column in indexes.chain(["data_key"]) {
            let name = format!("{}.{column}", table.table);
            assert!(
                nullable.contains(&name),
                "{name} is NOT NULL, but an erasure sets it to null"
            );
        }
    }
}
