//! The classification of every table and column.

use mainstay::Platform;
use mainstay_database::Row;

use crate::TestApp;

/// Every column (table, column, type, comment), except those of the migration history and of
/// partitions, which repeat their table's.
const COLUMNS: &str = r"
    SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', ''),
        a.attname::text, format_type(a.atttypid, a.atttypmod),
        coalesce(col_description(c.oid, a.attnum), '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND c.relkind IN ('r', 'p')
      AND a.attnum > 0
      AND NOT a.attisdropped
      AND NOT c.relispartition
      AND c.relname NOT IN ('refinery_schema_history', 'schema_history')
    ORDER BY 1, a.attnum
";

/// Tables without a comment.
const UNDESCRIBED: &str = r"
    SELECT relname::text
    FROM pg_class
    WHERE relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
      AND relkind IN ('r', 'p')
      AND relname NOT IN ('refinery_schema_history', 'schema_history')
      AND obj_description(oid) IS NULL
";

const CLASSES: [&str; 4] = ["public: ", "internal: ", "personal: ", "secret: "];

/// Personal or secret columns of the platform that are not sealed, each with a reason.
const IN_CLEAR: [(&str, &str); 5] = [
    (
        "mainstay.users.password_hash",
        "argon2id: it cannot be reversed, and the server must read it to check a password",
    ),
    (
        "mainstay.recovery_codes.hashes",
        "SHA-256 of 125 random bits each, which cannot be guessed",
    ),
    (
        "mainstay.audit_events.address",
        "an auditor searches by it, and it is deleted with the records after their retention",
    ),
    (
        "mainstay.findings.address",
        "as in audit_events: an investigator searches the log by it",
    ),
    (
        "mainstay.finding_subjects.address",
        "the database compares it, and deletes it two days after the last finding",
    ),
];

struct Column {
    name: String,
    kind: String,
    comment: String,
}

/// Asserts that every table and column has a comment, that each column has a class, and that
/// personal and secret columns are sealed (OWASP ASVS 14.1.1, 14.2.4). `in_clear` lists the app's
/// own exceptions: sensitive columns in clear, as `table.column`, each with a reason.
///
/// # Panics
/// When a comment or class is missing, or when `in_clear` does not match the sensitive columns in
/// clear.
pub async fn schema(platform: Platform, in_clear: &[(&str, &str)]) {
    let app = TestApp::start(platform).await;

    let undescribed = app.owner().await.run(UNDESCRIBED, []).await.unwrap();
    let undescribed: Vec<String> = undescribed.iter().map(|row| row.get(0).unwrap()).collect();
    assert!(
        undescribed.is_empty(),
        "tables without a comment: {undescribed:?}"
    );

    let mut unsealed = Vec::new();
    for Column {
        name,
        kind,
        comment,
    } in columns(&app).await
    {
        assert!(
            CLASSES.iter().any(|class| comment.starts_with(*class)),
            "{name}: its comment must start with one of {CLASSES:?}: {comment:?}"
        );

        let sensitive = comment.starts_with("personal: ") || comment.starts_with("secret: ");
        if sensitive && kind != "bytea" {
            unsealed.push(name);
        }
    }

    let mut listed: Vec<_> = IN_CLEAR.iter().chain(in_clear).map(|it| it.0).collect();
    listed.sort_unstable();
    unsealed.sort();

    assert_eq!(
        unsealed, listed,
        "sensitive columns in clear, and those listed with a reason"
    );
}

async fn columns(app: &TestApp) -> Vec<Column> {
    let rows = app.owner().await.run(COLUMNS, []).await.unwrap();
    let text = |row: &Row, position| row.get::<String>(position).unwrap();
    let columns: Vec<_> = rows
        .iter()
        .map(|row| Column {
            name: format!("{}.{}", text(row, 0), text(row, 1)),
            kind: text(row, 2),
            comment: text(row, 3),
        })
        .collect();

    assert!(columns.len() > 40, "found only {} columns", columns.len());

    columns
}
