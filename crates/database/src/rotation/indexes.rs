//! Rebuilds blind indexes under another root key.

use mainstay_crypto::{DataKey, IndexPlace};
use mainstay_kernel::Uuid;
use sea_query::Value;

use super::mover::{Batch, Context, Mover, key_in};
use crate::{Error, Row, Scope, SealedIndex, SealedTable};

/// Rebuilds the blind indexes of one table from the sealed values.
pub(super) struct Indexes {
    table: SealedTable,
    after: Uuid,
}

/// The old cells and new indexes of a row. An empty value stands for null, because arrays are bound
/// without nulls.
struct Made {
    id: Uuid,
    /// For each index, its source cell and the new index.
    columns: Vec<(Vec<u8>, Vec<u8>)>,
    /// The claimed indexes under each key of the ring, with the name of their constraint, which is
    /// empty if the module writes the claims.
    claims: Vec<(&'static str, Vec<u8>)>,
}

impl Indexes {
    pub(super) fn new(table: SealedTable) -> Self {
        Self {
            table,
            after: Uuid::nil(),
        }
    }

    /// The condition for rows with an index that is missing or not by the primary, `$1`.
    fn stale(&self) -> String {
        let of = |index: &SealedIndex| {
            let (source, column) = (index.source, index.column);
            let other = key_in(&format!("t.{column}"));
            let mut stale =
                format!("t.{source} IS NOT NULL AND (t.{column} IS NULL OR {other} <> $1");
            if index.uniqueness.is_claimed() {
                stale += &format!(
                    r"
                          OR NOT EXISTS (
                              SELECT FROM mainstay.unique_indexes u
                              WHERE u.digest = t.{column}
                          )
                    "
                );
            }
            stale + ")"
        };

        self.table
            .indexes
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .join(" OR ")
    }

    /// The `FROM` clause for rows with a data key. Erased rows have no index.
    fn from(&self) -> String {
        let SealedTable { table, .. } = self.table;
        format!("FROM {table} t {}", self.table.joined_key())
    }

    fn make(&self, context: &Context, row: &Row) -> Result<Made, Error> {
        let table = &self.table;
        let (id, key_id, organization): (Uuid, i64, Uuid) =
            (row.decode(0)?, row.decode(1)?, row.decode(2)?);
        let key = context.unwrap(key_id, organization, row.decode(3)?, row.decode(4)?)?;
        let (mut columns, mut claims) = (Vec::new(), Vec::new());

        for (index, position) in table.indexes.iter().zip(5..) {
            let Some(cell) = row.decode::<Option<&[u8]>>(position)? else {
                columns.push((Vec::new(), Vec::new()));
                continue;
            };

            let value = self.normalised(index, &key, (organization, id), cell)?;

            let place = IndexPlace {
                organization: match index.scope {
                    Scope::Organization | Scope::Person => organization,
                    Scope::Platform | Scope::Nowhere => Uuid::nil(),
                },
                table: index.bound_to.0,
                column: index.bound_to.1,
                length: index.length,
            };

            columns.push((
                cell.to_vec(),
                context.ring.blind_index(&place, &value).into_bytes(),
            ));

            if index.uniqueness.is_claimed() {
                let constraint = index.uniqueness.constraint();
                claims.extend(
                    context
                        .ring
                        .blind_indexes(&place, &value)
                        .into_iter()
                        .map(|index| (constraint.unwrap_or_default(), index.into_bytes())),
                );
            }
        }

        Ok(Made {
            id,
            columns,
            claims,
        })
    }

    fn normalised(
        &self,
        index: &SealedIndex,
        key: &DataKey,
        (organization, row): (Uuid, Uuid),
        cell: &[u8],
    ) -> Result<mainstay_crypto::Zeroizing<String>, Error> {
        let column = self
            .table
            .columns
            .iter()
            .find(|column| column.column == index.source);

        let column =
            column.ok_or_else(|| Error::internal(format!("{} is not sealed", index.source)))?;
        let plaintext = key
            .open(&column.cell(organization, row), cell)
            .map_err(Error::internal)?;

        (index.normalised)(&plaintext)
            .ok_or_else(|| Error::internal(format!("{} has an invalid value", index.source)))
    }

    /// Writes a batch. If a value conflicts with another row, which the constraint could not detect
    /// under different keys, the rows are written one by one, and the conflicting one is logged.
    async fn move_all(
        &self,
        context: &mut Context,
        made: &[Made],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let written = context.run(self.write(), values(&self.table, made)).await;
        let Err(Error::Constraint { .. }) = written else {
            batch.moved = written?.len();
            return Ok(());
        };

        for one in made.chunks(1) {
            match context.run(self.write(), values(&self.table, one)).await {
                Ok(rows) => batch.moved += rows.len(),
                Err(Error::Constraint { name, .. }) => {
                    let rows: Vec<_> = one.iter().map(|one| one.id).collect();
                    tracing::error!(
                        table = self.table.table,
                        ?rows,
                        constraint = name,
                        "blind index was not rotated because another row has the same value"
                    );
                    batch.refused += 1;
                }
                Err(error) => return Err(error),
            }
        }

        Ok(())
    }

    /// The statement that writes a batch. `$1` has the IDs; then come, for each index, the cells
    /// and the new indexes; then, if an index is claimed, the row IDs, digests and constraints of
    /// the claims.
    fn write(&self) -> String {
        let SealedTable {
            table, id, indexes, ..
        } = &self.table;
        let count = indexes.len();

        let each = |make: &dyn Fn(usize, &SealedIndex) -> String, between: &str| {
            indexes
                .iter()
                .enumerate()
                .map(|(n, index)| make(n, index))
                .collect::<Vec<_>>()
                .join(between)
        };

        let claimed = if indexes.iter().any(|index| index.uniqueness.is_claimed()) {
            format!(
                r",
                claimed AS (
                    INSERT INTO mainstay.unique_indexes (digest, row_id, constraint_name)
                    SELECT claim.digest, claim.id, NULLIF(claim.name, '')
                    FROM unnest(${ids}::uuid[], ${digests}::bytea[], ${names}::text[])
                        AS claim (id, digest, name)
                    JOIN changed USING (id)
                    ON CONFLICT ON CONSTRAINT unique_indexes_pkey DO NOTHING
                )",
                ids = 2 + 2 * count,
                digests = 3 + 2 * count,
                names = 4 + 2 * count,
            )
        } else {
            String::new()
        };

        format!(
            r"
                WITH n AS (
                    SELECT *
                    FROM unnest($1::uuid[], {arrays}) AS n (id, {names})
                ),
                held AS (
                    SELECT t.{id} AS id
                    FROM {table} t
                    JOIN n ON n.id = t.{id}
                    WHERE {unchanged}
                    ORDER BY t.{id}
                    FOR NO KEY UPDATE OF t SKIP LOCKED
                ),
                changed AS (
                    UPDATE {table} t
                    SET {set}
                    FROM held
                    JOIN n USING (id)
                    WHERE t.{id} = held.id AND {unchanged}
                    RETURNING t.{id} AS id
                ){claimed}
                SELECT id
                FROM changed
            ",
            arrays = each(
                &|n, _| format!("${}::bytea[], ${}::bytea[]", 2 + 2 * n, 3 + 2 * n),
                ", "
            ),
            names = each(&|n, _| format!("source{n}, index{n}"), ", "),
            unchanged = each(
                &|n, index| format!(
                    "t.{} IS NOT DISTINCT FROM NULLIF(n.source{n}, '')",
                    index.source
                ),
                " AND "
            ),
            set = each(
                &|n, index| format!("{} = NULLIF(n.index{n}, '')", index.column),
                ", "
            ),
        )
    }
}

impl Mover for Indexes {
    fn table(&self) -> &'static str {
        self.table.table
    }

    async fn count(&self, context: &mut Context) -> Result<u64, Error> {
        let text = format!("SELECT count(*) {} WHERE {}", self.from(), self.stale());
        let primary = context.primary();
        context.count(text, [primary]).await
    }

    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error> {
        let id = self.table.id;

        let sources: Vec<_> = self
            .table
            .indexes
            .iter()
            .map(|index| format!(", t.{}", index.source))
            .collect();

        let next = format!(
            r"
                SELECT t.{id}, k.id, k.organization_id, k.subject_id, k.wrapped{sources}
                {from}
                WHERE ({stale}) AND t.{id} > $2
                ORDER BY t.{id}
                LIMIT $3
            ",
            sources = sources.concat(),
            from = self.from(),
            stale = self.stale()
        );

        let primary = context.primary();
        let rows = context
            .run(next, [primary, self.after.into(), i64::from(size).into()])
            .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };

        self.after = last.decode(0)?;
        let mut batch = Batch {
            seen: rows.len(),
            ..Batch::default()
        };
        let mut made = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.make(context, row) {
                Ok(one) => made.push(one),
                Err(error) => {
                    let row: Uuid = row.decode(0)?;
                    tracing::error!(
                        table = self.table.table,
                        %row,
                        %error,
                        cause = error.cause(),
                        "blind index was not rebuilt"
                    );
                    batch.refused += 1;
                }
            }
        }

        self.move_all(context, &made, &mut batch).await?;

        Ok(Some(batch))
    }

    fn rewind(&mut self) {
        self.after = Uuid::nil();
    }
}

/// The parameters of [`Indexes::write`].
fn values(table: &SealedTable, made: &[Made]) -> Vec<Value> {
    let mut values: Vec<Value> = vec![made.iter().map(|one| one.id).collect::<Vec<_>>().into()];
    for position in 0..table.indexes.len() {
        values.push(
            made.iter()
                .map(|one| one.columns[position].0.clone())
                .collect::<Vec<_>>()
                .into(),
        );

        values.push(
            made.iter()
                .map(|one| one.columns[position].1.clone())
                .collect::<Vec<_>>()
                .into(),
        );
    }

    if table
        .indexes
        .iter()
        .any(|index| index.uniqueness.is_claimed())
    {
        let (mut rows, mut digests, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for one in made {
            for (constraint, digest) in &one.claims {
                rows.push(one.id);
                digests.push(digest.clone());
                names.push((*constraint).to_owned());
            }
        }

        values.extend([rows.into(), digests.into(), names.into()]);
    }

    values
}

/// Deletes the digests of unique values under keys that have left the ring, if there is one under
/// the primary.
pub(super) async fn forget_departed(context: &mut Context) -> Result<(), Error> {
    const FORGET: &str = r"
        DELETE FROM mainstay.unique_indexes
        WHERE digest IN (
            SELECT u.digest
            FROM mainstay.unique_indexes u
            WHERE substring(u.digest FROM 2 FOR 4) <> ALL ($1)
              AND EXISTS (
                  SELECT FROM mainstay.unique_indexes p
                  WHERE p.row_id = u.row_id AND substring(p.digest FROM 2 FOR 4) = $2
              )
            LIMIT 1000
        )
        RETURNING row_id
    ";
    while !context
        .run(FORGET.to_owned(), [context.ids(), context.primary()])
        .await?
        .is_empty()
    {}
    Ok(())
}
