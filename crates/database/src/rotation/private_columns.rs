//! Reseals the private boxes of a column.

use sea_query::Value;

use super::mover::{Batch, Context, Mover, key_in};
use crate::{Error, PrivateColumn};

/// Reseals the values of one private column.
pub(super) struct PrivateBoxes {
    column: PrivateColumn,
    /// The ID of the last row, as text, because IDs have different types.
    after: Option<String>,
}

impl PrivateBoxes {
    pub(super) fn new(column: PrivateColumn) -> Self {
        Self {
            column,
            after: None,
        }
    }
}

impl Mover for PrivateBoxes {
    fn table(&self) -> &'static str {
        self.column.table
    }

    async fn count(&self, context: &mut Context) -> Result<u64, Error> {
        let PrivateColumn { table, column, .. } = self.column;
        let primary = context.primary();
        context
            .count(
                format!(
                    "SELECT count({column}) FROM {table} WHERE {} <> $1",
                    key_in(column)
                ),
                [primary],
            )
            .await
    }

    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error> {
        let PrivateColumn {
            table,
            id,
            id_type,
            column,
            context: bound_to,
            purpose,
        } = self.column;

        let primary = context.primary();
        let mut values = vec![primary, i64::from(size).into()];
        let beyond = if self.after.is_some() {
            format!("AND t.{id} > $3::text::{id_type}")
        } else {
            String::new()
        };

        values.extend(self.after.clone().map(Value::from));
        let next = format!(
            r"
                SELECT t.{id}::text, {bound_to}, {column}
                FROM {table} t
                WHERE {} <> $1 {beyond}
                ORDER BY t.{id}
                LIMIT $2
            ",
            key_in(column)
        );
        let rows = context.run(next, values).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };

        self.after = Some(last.decode(0)?);
        let (mut ids, mut old, mut new) = (Vec::<String>::new(), Vec::new(), Vec::new());
        let mut batch = Batch {
            seen: rows.len(),
            ..Batch::default()
        };

        for row in &rows {
            let (name, bound_to, sealed): (&str, &[u8], &[u8]) =
                (row.decode(0)?, row.decode(1)?, row.decode(2)?);
            match context
                .ring
                .reseal_private(&context.runtime.random, purpose, bound_to, sealed)
            {
                Ok(Some(moved)) => {
                    ids.push(name.to_owned());
                    old.push(sealed.to_vec());
                    new.push(moved);
                }
                Ok(None) => {}
                Err(error) => {
                    // The row is not logged, because an ID may be the hash of a token.
                    tracing::error!(table, column, %error, "private value was not resealed");
                    batch.refused += 1;
                }
            }
        }

        let text = format!(
            r"
                WITH n AS (
                    SELECT id::{id_type}, old, new
                    FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS n (id, old, new)
                ),
                held AS (
                    SELECT t.{id} AS id
                    FROM {table} t
                    JOIN n ON n.id = t.{id}
                    ORDER BY t.{id}
                    FOR NO KEY UPDATE OF t SKIP LOCKED
                )
                UPDATE {table} t
                SET {column} = n.new
                FROM held
                JOIN n USING (id)
                WHERE t.{id} = held.id AND t.{column} = n.old
                RETURNING t.{id}::text
            "
        );

        batch.moved = context
            .run(text, [ids.into(), old.into(), new.into()])
            .await?
            .len();

        Ok(Some(batch))
    }

    fn rewind(&mut self) {
        self.after = None;
    }
}
