//! Unique sealed columns have what keeps them unique while two index keys are in use.

use std::collections::BTreeSet;

use mainstay_database::{Row, Uniqueness};

use crate::TestApp;

/// What holds a unique column: constraint, table, columns.
const UNIQUE: &str = r"
    SELECT c.conname::text, replace(c.conrelid::regclass::text, 'public.', ''), (
        SELECT string_agg(a.attname, ', ' ORDER BY a.attname)
        FROM pg_attribute a
        WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
    )
    FROM pg_constraint c
    WHERE c.contype = 'u'
";

/// What releases the values of a unique column: table, column, and the constraint that is the
/// trigger's argument. Of the bits of its type, 1 is per row, 2 before, 8 on delete and 16 on
/// update.
const RELEASED: &str = r"
    SELECT replace(t.tgrelid::regclass::text, 'public.', ''), a.attname::text,
        convert_from(substring(t.tgargs FROM 1 FOR length(t.tgargs) - 1), 'UTF8')
    FROM pg_trigger t
    JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = t.tgattr[0]
    WHERE t.tgfoid = 'mainstay.release_unique_index'::regproc
      AND a.attnum = ALL (t.tgattr)
      AND t.tgtype & 27 = 27
      AND t.tgenabled <> 'D'
      AND t.tgqual IS NULL
";

/// Asserts that each unique sealed column has a constraint on the index and the owner, and a trigger
/// that releases its values. [`declarations`](super::declarations) includes it.
///
/// # Panics
/// When one is missing, or has other columns or another argument.
pub async fn unique_columns(app: &TestApp) {
    let triples = |rows: Vec<Row>| -> BTreeSet<[String; 3]> {
        rows.iter()
            .map(|row| [0, 1, 2].map(|position| row.get(position).unwrap()))
            .collect()
    };
    let mut owner = app.owner().await;
    let constraints = triples(owner.run(UNIQUE, []).await.unwrap());
    let triggers = triples(owner.run(RELEASED, []).await.unwrap());

    for table in app.platform().tables() {
        for index in &table.indexes {
            let Uniqueness::Constraint(name) = index.uniqueness else {
                continue;
            };

            let mut columns = ["organization_id", index.column];
            columns.sort_unstable();
            let constraint = [name, table.table, &columns.join(", ")].map(str::to_owned);
            assert!(
                constraints.contains(&constraint),
                "{}.{} is declared unique, but {name} is not a unique constraint on exactly {}",
                table.table,
                index.column,
                columns.join(", ")
            );

            let trigger = [table.table, index.column, name].map(str::to_owned);
            assert!(
                triggers.contains(&trigger),
                "{}.{} is declared unique, but no trigger releases its values: see docs/keys.md",
                table.table,
                index.column
            );
        }
    }
}
