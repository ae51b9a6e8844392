//! Moves wrapped data keys to another root key.

use mainstay_kernel::Uuid;

use super::mover::{Batch, Context, Mover};
use crate::Error;

/// Re-wraps data keys under another root key. The data keys stay the same, so no sealed value
/// changes.
#[derive(Default)]
pub(super) struct DataKeys {
    after: i64,
}

impl Mover for DataKeys {
    fn table(&self) -> &'static str {
        "mainstay.data_keys"
    }

    async fn count(&self, context: &mut Context) -> Result<u64, Error> {
        const COUNT: &str = r"
            SELECT count(*)
            FROM mainstay.data_keys
            WHERE substring(wrapped FROM 2 FOR 4) <> $1
        ";
        let primary = context.primary();
        context.count(COUNT.to_owned(), [primary]).await
    }

    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error> {
        const NEXT: &str = r"
            SELECT id, organization_id, subject_id, wrapped
            FROM mainstay.data_keys
            WHERE id > $1 AND substring(wrapped FROM 2 FOR 4) <> $2
            ORDER BY id
            LIMIT $3
        ";

        // FOR NO KEY UPDATE, because FOR UPDATE would conflict with the key locks of rows that
        // reference a key.
        const MOVE: &str = r"
            WITH held AS (
                SELECT id
                FROM mainstay.data_keys
                WHERE id = ANY ($1)
                ORDER BY id
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE mainstay.data_keys k
            SET wrapped = n.new
            FROM held, unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS n (id, old, new)
            WHERE k.id = held.id AND n.id = held.id AND k.wrapped = n.old
            RETURNING k.id
        ";

        let primary = context.primary();
        let rows = context
            .run(
                NEXT.to_owned(),
                [self.after.into(), primary, i64::from(size).into()],
            )
            .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };

        self.after = last.decode(0)?;
        let (mut ids, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut batch = Batch {
            seen: rows.len(),
            ..Batch::default()
        };

        for row in &rows {
            let (id, wrapped): (i64, &[u8]) = (row.decode(0)?, row.decode(3)?);
            let (organization, subject): (Uuid, Uuid) = (row.decode(1)?, row.decode(2)?);
            match context
                .ring
                .rewrap(&context.runtime.random, id, organization, subject, wrapped)
            {
                Ok(Some(moved)) => {
                    ids.push(id);
                    old.push(wrapped.to_vec());
                    new.push(moved.0);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(data_key = id, %error, "data key was not re-wrapped");
                    batch.refused += 1;
                }
            }
        }

        batch.moved = context
            .run(MOVE.to_owned(), [ids.into(), old.into(), new.into()])
            .await?
            .len();

        Ok(Some(batch))
    }

    fn rewind(&mut self) {
        self.after = 0;
    }
}
