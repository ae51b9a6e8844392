//! Rows that a batch has locked, and resealing their cells under new keys.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_crypto::DataKey;
use mainstay_kernel::Uuid;
use sea_query::Value;

use super::mover::Context;
use crate::{Error, Row, SealedTable};

/// A locked row that holds a key.
pub(super) struct Held {
    pub(super) organization: Uuid,
    pub(super) subject: Uuid,
    pub(super) old: DataKey,
    pub(super) new: DataKey,
    pub(super) wrapped: Vec<u8>,
}

/// A row with resealed cells; an empty cell stands for null.
pub(super) struct Resealed {
    pub(super) holder: Uuid,
    pub(super) id: Uuid,
    pub(super) cells: Vec<Vec<u8>>,
}

/// Holders that are not moved in this batch.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) busy: BTreeSet<Uuid>,
    pub(super) refused: BTreeSet<Uuid>,
}

impl Held {
    pub(super) fn read(context: &Context, row: &Row) -> Result<Self, Error> {
        let (organization, subject): (Uuid, Uuid) = (row.decode(2)?, row.decode(3)?);
        let old = context.unwrap(row.decode(1)?, organization, subject, row.decode(4)?)?;
        let (new, wrapped) =
            context
                .ring
                .new_data_key(&context.runtime.random, organization, subject);

        Ok(Self {
            organization,
            subject,
            old,
            new,
            wrapped: wrapped.0,
        })
    }

    /// Reseals the cells of a row under the new key.
    fn seal(
        &self,
        context: &Context,
        table: &SealedTable,
        id: Uuid,
        row: &Row,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let seal = |(column, position): (&crate::SealedColumn, usize)| {
            let Some(sealed) = row.decode::<Option<&[u8]>>(position)? else {
                return Ok(Vec::new());
            };
            let cell = column.cell(self.organization, id);
            let plaintext = self.old.open(&cell, sealed).map_err(Error::internal)?;
            Ok(self.new.seal(&context.runtime.random, &cell, &plaintext))
        };

        table.columns.iter().zip(2..).map(seal).collect()
    }
}

impl Kept {
    pub(super) fn refuse(&mut self, holder: Uuid, (table, row): (&str, Uuid), error: &Error) {
        tracing::error!(table, %row, %error, cause = error.cause(), "row was not resealed");
        self.refused.insert(holder);
    }
}

/// Locks the rows of one table and reseals them. If one of a holder's rows is already locked, the
/// holder is skipped.
pub(super) async fn open_and_seal(
    context: &mut Context,
    (table, column): (&SealedTable, &'static str),
    held: &BTreeMap<Uuid, Held>,
    kept: &mut Kept,
) -> Result<Vec<Resealed>, Error> {
    let SealedTable {
        table: name,
        id,
        columns,
        ..
    } = table;

    let each = |make: &dyn Fn(usize, &str) -> String| {
        columns
            .iter()
            .enumerate()
            .map(|(n, it)| make(n, it.column))
            .collect::<String>()
    };

    let text = format!(
        r"
            WITH held AS (
                SELECT t.{id} AS id{cells}
                FROM {name} t
                WHERE t.{column} = ANY ($1)
                ORDER BY t.{id}
                FOR NO KEY UPDATE SKIP LOCKED
            )
            SELECT t.{column}, held.id{names}
            FROM {name} t
            LEFT JOIN held ON held.id = t.{id}
            WHERE t.{column} = ANY ($1)
        ",
        cells = each(&|n, column| format!(", t.{column} AS cell{n}")),
        names = each(&|n, _| format!(", held.cell{n}")),
    );

    let mut rows = Vec::new();
    for row in context
        .run(text, [held.keys().copied().collect::<Vec<_>>().into()])
        .await?
    {
        let (holder, id): (Uuid, Option<Uuid>) = (row.decode(0)?, row.decode(1)?);
        let (Some(one), Some(id)) = (held.get(&holder), id) else {
            kept.busy.insert(holder);
            continue;
        };

        match one.seal(context, table, id, &row) {
            Ok(cells) => rows.push(Resealed { holder, id, cells }),
            Err(error) => kept.refuse(holder, (name, id), &error),
        }
    }

    Ok(rows)
}

/// Writes the resealed rows, which this transaction has locked.
pub(super) async fn write(
    context: &mut Context,
    table: &SealedTable,
    rows: &[Resealed],
) -> Result<(), Error> {
    let SealedTable {
        table, id, columns, ..
    } = table;

    let each = |make: &dyn Fn(usize, &str) -> String| {
        columns
            .iter()
            .enumerate()
            .map(|(n, it)| make(n, it.column))
            .collect::<Vec<_>>()
            .join(", ")
    };

    let text = format!(
        r"
            UPDATE {table} t
            SET {set}
            FROM unnest($1::uuid[], {arrays}) AS n (id, {names})
            WHERE t.{id} = n.id
        ",
        set = each(&|n, column| format!("{column} = NULLIF(n.cell{n}, '')")),
        arrays = each(&|n, _| format!("${}::bytea[]", n + 2)),
        names = each(&|n, _| format!("cell{n}")),
    );

    let mut values: Vec<Value> = vec![rows.iter().map(|row| row.id).collect::<Vec<_>>().into()];
    for position in 0..columns.len() {
        values.push(
            rows.iter()
                .map(|row| row.cells[position].clone())
                .collect::<Vec<_>>()
                .into(),
        );
    }

    context.run(text, values).await.map(drop)
}
