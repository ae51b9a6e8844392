//! The documentation in the schema: the purpose of each table, and the class of each column, from
//! their comments.

use sea_query::Value;

use crate::{Database, Error, Row, statement::Statement};

/// A column, as described by its comment.
#[derive(Clone, Debug)]
pub struct SchemaColumn {
    /// Its table, as entities name it: with the schema, unless that is `public`.
    pub table: String,
    /// What the table is for.
    pub purpose: String,
    /// Name of the column.
    pub name: String,
    /// Type of the column, as formatted by Postgres.
    pub kind: String,
    /// `public`, `internal`, `personal` or `secret`.
    pub class: String,
    /// Content of the column.
    pub description: String,
}

impl Database {
    /// Reads the columns of some tables, or of all tables except the migration histories, ordered
    /// by table and position.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn schema(&self, tables: Option<Vec<String>>) -> Result<Vec<SchemaColumn>, Error> {
        const READ: &str = r"
            WITH tables AS (
                SELECT c.oid,
                    CASE
                    n.nspname
                        WHEN 'public' THEN ''
                        ELSE n.nspname || '.'
                    END || c.relname AS name
                FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname IN ('public', 'mainstay')
                  AND c.relkind IN ('r', 'p')
                  AND NOT c.relispartition
            )
            SELECT t.name, coalesce(obj_description(t.oid, 'pg_class'), ''), a.attname::text,
                format_type(a.atttypid, a.atttypmod), coalesce(col_description(t.oid, a.attnum), '')
            FROM pg_attribute a
            JOIN tables t ON t.oid = a.attrelid
            WHERE a.attnum > 0
              AND NOT a.attisdropped
              AND t.name NOT IN ('refinery_schema_history', 'mainstay.schema_history')
              AND ($1::text[] IS NULL OR t.name = ANY ($1))
            ORDER BY 1, a.attnum
        ";

        let tables: Value = match tables {
            Some(tables) => tables.into(),
            None => Value::Array(sea_query::ArrayType::String, None),
        };

        self.read(Statement::new("schema.columns", READ, vec![tables]))
            .await?
            .iter()
            .map(column)
            .collect()
    }
}

fn column(row: &Row) -> Result<SchemaColumn, Error> {
    let comment: String = row.get(4)?;
    let (class, description) = comment.split_once(": ").unwrap_or(("", &comment));
    Ok(SchemaColumn {
        table: row.get(0)?,
        purpose: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        class: class.to_owned(),
        description: description.to_owned(),
    })
}
