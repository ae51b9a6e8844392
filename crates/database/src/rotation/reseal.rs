//! Reseals the rows of a table under new data keys.

use mainstay_kernel::{Timestamp, Uuid};
use sea_query::Value;

use super::mover::{Batch, Context, Mover};
use crate::{Error, Row, SealedColumn, SealedTable, column::moment};

/// Reseals the rows of one table under new data keys. Each row has its own key, under which nothing
/// else is sealed.
pub(super) struct Reseal {
    table: SealedTable,
    before: Timestamp,
    after: Uuid,
}

/// The old and new keys and cells of a row. An empty cell stands for null.
struct Resealed {
    id: Uuid,
    organization: Uuid,
    subject: Uuid,
    old_key: i64,
    new_key: i64,
    wrapped: Vec<u8>,
    cells: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Reseal {
    pub(super) fn new(table: SealedTable, before: Timestamp) -> Self {
        Self {
            table,
            before,
            after: Uuid::nil(),
        }
    }

    fn seal(&self, context: &Context, row: &Row) -> Result<Resealed, Error> {
        let (id, old_key, organization): (Uuid, i64, Uuid) =
            (row.decode(0)?, row.decode(1)?, row.decode(2)?);
        let subject: Uuid = row.decode(3)?;
        let old = context.unwrap(old_key, organization, subject, row.decode(4)?)?;
        let (new, wrapped) =
            context
                .ring
                .new_data_key(&context.runtime.random, organization, subject);

        let mut cells = Vec::with_capacity(self.table.columns.len());
        for (column, position) in self.table.columns.iter().zip(5..) {
            let Some(sealed) = row.decode::<Option<&[u8]>>(position)? else {
                cells.push((Vec::new(), Vec::new()));
                continue;
            };
            let cell = column.cell(organization, id);
            let plaintext = old.open(&cell, sealed).map_err(Error::internal)?;
            cells.push((
                sealed.to_vec(),
                new.seal(&context.runtime.random, &cell, &plaintext),
            ));
        }

        Ok(Resealed {
            id,
            organization,
            subject,
            old_key,
            new_key: new.id(),
            wrapped: wrapped.0,
            cells,
        })
    }

    /// The statement that writes a batch: `$1` has the time, `$2` IDs, `$3` organizations, `$4`
    /// subjects, `$5` old keys, `$6` new keys and `$7` their wrapped forms; then come, for each
    /// column, the old cells and the new ones.
    ///
    /// A row is written only if its old key still exists, so that a row that is being erased does
    /// not return under a new key.
    fn write(&self) -> String {
        const FIRST: usize = 8;

        let SealedTable {
            table, id, columns, ..
        } = &self.table;

        let each = |make: &dyn Fn(usize, &SealedColumn) -> String, between: &str| {
            columns
                .iter()
                .enumerate()
                .map(|(n, column)| make(n, column))
                .collect::<Vec<_>>()
                .join(between)
        };

        format!(
            r"
                WITH n AS (
                    SELECT *
                    FROM unnest(
                        $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bytea[],
                        {arrays}
                    ) AS n (id, organization, subject, old_key, new_key, wrapped, {names})
                ),
                held AS (
                    SELECT t.{id} AS id
                    FROM {table} t
                    JOIN n ON n.id = t.{id}
                    JOIN mainstay.data_keys k ON k.id = n.old_key
                    WHERE {unchanged}
                    ORDER BY t.{id}
                    FOR UPDATE OF t, k SKIP LOCKED
                ),
                made AS (
                    INSERT INTO mainstay.data_keys (
                        id, organization_id, subject_id, wrapped, created_at
                    )
                    SELECT n.new_key, n.organization, n.subject, n.wrapped, $1
                    FROM held
                    JOIN n USING (id)
                ),
                changed AS (
                    UPDATE {table} t
                    SET data_key = n.new_key, {set}
                    FROM held
                    JOIN n USING (id)
                    WHERE t.{id} = held.id AND {unchanged}
                    RETURNING t.{id} AS id, n.old_key
                ),
                destroyed AS (
                    DELETE FROM mainstay.data_keys k
                    USING changed
                    WHERE k.id = changed.old_key
                )
                SELECT id
                FROM changed
            ",
            arrays = each(
                &|n, _| format!(
                    "${}::bytea[], ${}::bytea[]",
                    FIRST + 2 * n,
                    FIRST + 1 + 2 * n
                ),
                ", "
            ),
            names = each(&|n, _| format!("old{n}, new{n}"), ", "),
            unchanged = format!(
                "t.data_key = n.old_key AND {}",
                each(
                    &|n, it| format!("t.{} IS NOT DISTINCT FROM NULLIF(n.old{n}, '')", it.column),
                    " AND "
                )
            ),
            set = each(
                &|n, it| format!("{} = NULLIF(n.new{n}, '')", it.column),
                ", "
            ),
        )
    }

    fn values(&self, context: &Context, rows: &[Resealed]) -> Vec<Value> {
        let ids = |id: &dyn Fn(&Resealed) -> Uuid| rows.iter().map(id).collect::<Vec<_>>().into();
        let keys = |key: &dyn Fn(&Resealed) -> i64| rows.iter().map(key).collect::<Vec<_>>().into();

        let bytes = |bytes: &dyn Fn(&Resealed) -> &Vec<u8>| -> Value {
            rows.iter()
                .map(|row| bytes(row).clone())
                .collect::<Vec<_>>()
                .into()
        };

        let mut values = vec![
            moment(context.runtime.clock.now()),
            ids(&|row| row.id),
            ids(&|row| row.organization),
            ids(&|row| row.subject),
            keys(&|row| row.old_key),
            keys(&|row| row.new_key),
            bytes(&|row| &row.wrapped),
        ];

        for position in 0..self.table.columns.len() {
            values.extend([
                bytes(&|row| &row.cells[position].0),
                bytes(&|row| &row.cells[position].1),
            ]);
        }

        values
    }
}

impl Mover for Reseal {
    fn table(&self) -> &'static str {
        self.table.table
    }

    async fn count(&self, context: &mut Context) -> Result<u64, Error> {
        let SealedTable { table, .. } = self.table;
        let text = format!(
            "SELECT count(*) FROM {table} t {} WHERE k.created_at < $1",
            self.table.joined_key()
        );
        context.count(text, [moment(self.before)]).await
    }

    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error> {
        let SealedTable {
            table, id, columns, ..
        } = &self.table;
        let cells: Vec<_> = columns
            .iter()
            .map(|column| format!(", t.{}", column.column))
            .collect();

        let next = format!(
            r"
                SELECT t.{id}, k.id, k.organization_id, k.subject_id, k.wrapped{}
                FROM {table} t {}
                WHERE k.created_at < $1 AND t.{id} > $2
                ORDER BY t.{id}
                LIMIT $3
            ",
            cells.concat(),
            self.table.joined_key()
        );

        let rows = context
            .run(
                next,
                [
                    moment(self.before),
                    self.after.into(),
                    i64::from(size).into(),
                ],
            )
            .await?;

        let Some(last) = rows.last() else {
            return Ok(None);
        };

        self.after = last.decode(0)?;
        let mut batch = Batch {
            seen: rows.len(),
            ..Batch::default()
        };
        let mut sealed = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.seal(context, row) {
                Ok(one) => sealed.push(one),
                Err(error) => {
                    let row: Uuid = row.decode(0)?;
                    let (table, cause) = (self.table.table, error.cause());
                    tracing::error!(table, %row, %error, cause, "row was not resealed");
                    batch.refused += 1;
                }
            }
        }

        batch.moved = context
            .run(self.write(), self.values(context, &sealed))
            .await?
            .len();

        Ok(Some(batch))
    }

    fn rewind(&mut self) {
        self.after = Uuid::nil();
    }
}
