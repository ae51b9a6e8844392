use mainstay_database::Row;
use mainstay_testing::TestApp;

/// Every column but those of the migrator's own table, and of partitions, which have their table's: table, column, type,
/// comment.
const COLUMNS: &str = r"
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        coalesce(col_description(c.oid, a.attnum), '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace
      AND c.relkind IN ('r', 'p')
      AND a.attnum > 0
      AND NOT a.attisdropped
      AND NOT c.relispartition
      AND c.relname <> 'refinery_schema_history'
    ORDER BY 1, a.attnum
";

const CLASSES: [&str; 4] = ["public: ", "internal: ", "personal: ", "secret: "];

/// Personal or secret columns that are not sealed, and why that is right.
const IN_CLEAR: [(&str, &str); 5] = [
    (
        "users.password_hash",
        "argon2id: it cannot be turned back, and the server must read it to check a password",
    ),
    (
        "recovery_codes.hashes",
        "SHA-256 of 125 random bits each, which nobody guesses",
    ),
    (
        "audit_events.address",
        "an auditor searches by it, and it goes with the records when their time is over",
    ),
    (
        "findings.address",
        "as in audit_events: whoever follows a finding searches the log by it",
    ),
    (
        "finding_subjects.address",
        "the database compares it, and forgets it two days after the last finding",
    ),
];

struct Column {
    name: String,
    kind: String,
    comment: String,
}

async fn columns() -> Vec<Column> {
    let app = TestApp::start(fixture::platform()).await;
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

    assert!(
        columns.len() > 40,
        "only {} columns were found",
        columns.len()
    );

    columns
}

/// OWASP ASVS 14.1.1, 14.2.4.
#[tokio::test]
async fn every_column_is_classified_and_what_is_sensitive_is_sealed() {
    let mut unlisted = Vec::new();
    for Column {
        name,
        kind,
        comment,
    } in columns().await
    {
        let class = CLASSES.iter().find(|class| comment.starts_with(*class));
        assert!(
            class.is_some(),
            "{name}: its comment opens with none of {CLASSES:?}: {comment:?}"
        );
        let sensitive = comment.starts_with("personal: ") || comment.starts_with("secret: ");
        if sensitive && kind != "bytea" {
            unlisted.push(name);
        }
    }

    unlisted.sort();
    let mut listed = IN_CLEAR.map(|(name, _)| name);
    listed.sort_unstable();

    assert_eq!(
        unlisted, listed,
        "sensitive columns in clear, and those that are listed with a reason"
    );
}

/// A table that nobody described is one that nobody thought about.
#[tokio::test]
async fn every_table_is_described() {
    const UNDESCRIBED: &str = r"
        SELECT relname::text
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
          AND relkind IN ('r', 'p')
          AND relname <> 'refinery_schema_history'
          AND obj_description(oid) IS NULL
    ";
    let app = TestApp::start(fixture::platform()).await;
    let rows = app.owner().await.run(UNDESCRIBED, []).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert!(names.is_empty(), "without a comment: {names:?}");
}
