//! Removes the indexes and constraints of tables while they are filled, since it is faster to build
//! an index at once.

use sqlx::{PgConnection, Row as _, query};

use crate::bulk::run;

/// The statements that remove the foreign keys, keys and indexes of the table `$1`, and those that
/// restore them.
const FOUND: &str = r"
    SELECT
        format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS removal,
        format(
            'ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)
        ) AS definition
    FROM pg_constraint
    WHERE conrelid = $1::text::regclass AND contype IN ('f', 'p', 'u')
    UNION ALL
    SELECT
        format('DROP INDEX %s', indexrelid::regclass),
        replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
    FROM pg_index i
    WHERE indrelid = $1::text::regclass AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid
    )
";

/// Removes the indexes of these tables. Returns the statements that restore them.
pub async fn remove(owner: &mut PgConnection, tables: &[&str]) -> Vec<String> {
    let mut definitions = Vec::new();
    for table in tables {
        let found = query(FOUND).bind(*table).fetch_all(&mut *owner).await;
        for row in found.expect("the catalogue is read") {
            run(owner, row.get("removal")).await;
            definitions.push(row.get("definition"));
        }
    }
    definitions
}
