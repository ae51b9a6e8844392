use std::collections::BTreeSet;

use mainstay::Platform;
use mainstay_database::{Erasure, KeyHolder, SealedTable};

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

/// Personal bytes of the platform that are neither sealed nor an index of what is, and why that is right.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "mainstay.sign_in_places.place",
        "a keyed hash of a network that nobody opens: it is forgotten, not moved",
    ),
    (
        "mainstay.unique_indexes.digest",
        "what the indexes of other tables are under each key; written and moved with them",
    ),
];

/// Tables that name a data key of their own.
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

/// Asserts that the modules declare what the schema seals. Rotation, export and erasure go by the modules: they would pass over
/// a column that no module declares.
///
/// # Panics
/// When a sealed column, a blind index or a data key of the schema is not declared, or declared otherwise; when a row that an
/// erasure empties has a column that must not be null.
pub async fn declarations(platform: Platform) {
    let app = TestApp::start(platform).await;
    let tables = app.platform().tables();

    sealed_columns(&app, &tables).await;
    data_keys(&app, &tables).await;
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
                "{name} is personal, and neither sealed nor an index"
            );
        }
    }

    assert_eq!(
        sealed, declared,
        "columns that the schema's comments call sealed, and those that modules declare"
    );
    assert_eq!(
        indexed, indexes,
        "columns that the schema's comments call blind indexes, and those of the modules"
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
                "{}.{} is made of {}, which is not sealed",
                table.table, index.column, index.source
            );
        }
    }
}

/// A row that stays when its person is erased loses its key and its blind indexes: the schema must let it.
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
                "{name} is NOT NULL, and an erasure sets it null"
            );
        }
    }
}
