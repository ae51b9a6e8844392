use std::collections::{BTreeMap, BTreeSet};

use mainstay_crypto::DataKey;
use mainstay_kernel::{Timestamp, Uuid};
use sea_query::Value;

use super::{Batch, Means, Mover};
use crate::{Error, KeyHolder, Row, SealedTable, column::moment};

/// Rows under whose data key rows of other tables are sealed, and those: accounts.
///
/// A batch is a transaction. It locks the rows that hold the keys, which keeps out whoever would seal another value under
/// one ([`Unscoped::change_sealed`](crate::Unscoped::change_sealed)); only then it looks for what is sealed under them, so
/// that nothing can be added unseen. What others are writing is passed over with all that hangs together with it.
pub(super) struct Holders {
    holder: SealedTable,
    /// The other tables, each with its column that names the holder.
    dependants: Vec<(SealedTable, &'static str)>,
    before: Timestamp,
    after: Uuid,
}

/// A row that holds a key, locked.
struct Held {
    organization: Uuid,
    subject: Uuid,
    old: DataKey,
    new: DataKey,
    wrapped: Vec<u8>,
}

/// A row whose cells are sealed anew; nothing is no bytes.
struct Resealed {
    holder: Uuid,
    id: Uuid,
    cells: Vec<Vec<u8>>,
}

/// Holders that are not moved this time.
#[derive(Default)]
struct Kept {
    busy: BTreeSet<Uuid>,
    refused: BTreeSet<Uuid>,
}

/// The tables whose rows are sealed under the keys of `holder`'s rows, with the columns that name these.
pub(super) fn dependants(
    holder: &SealedTable,
    tables: &[SealedTable],
) -> Vec<(SealedTable, &'static str)> {
    let column = |table: &SealedTable| match table.key {
        KeyHolder::Other {
            table: name,
            column,
        } if name == holder.table => Some((table.clone(), column)),
        _ => None,
    };
    tables.iter().filter_map(column).collect()
}

impl Holders {
    pub(super) fn new(
        holder: SealedTable,
        dependants: Vec<(SealedTable, &'static str)>,
        before: Timestamp,
    ) -> Self {
        Self {
            holder,
            dependants,
            before,
            after: Uuid::nil(),
        }
    }

    /// The holders themselves and what is sealed under their keys.
    fn tables(&self) -> impl Iterator<Item = (&SealedTable, &'static str)> {
        let dependants = self
            .dependants
            .iter()
            .map(|(table, column)| (table, *column));
        std::iter::once((&self.holder, self.holder.id)).chain(dependants)
    }

    /// Moves those of a batch that nobody else is writing.
    async fn reseal(&self, means: &mut Means, ids: Vec<Uuid>) -> Result<Batch, Error> {
        let mut batch = Batch {
            seen: ids.len(),
            ..Batch::default()
        };
        let mut kept = Kept::default();
        let mut held = self.hold(means, ids, &mut kept).await?;
        let mut writes = Vec::new();

        for (table, column) in self.tables() {
            writes.push((
                table,
                open_and_seal(means, (table, column), &held, &mut kept).await?,
            ));
        }

        held.retain(|id, _| !kept.busy.contains(id) && !kept.refused.contains(id));
        batch.refused = kept.refused.len();
        batch.moved = held.len();

        if held.is_empty() {
            return Ok(batch);
        }

        for (table, mut rows) in writes {
            rows.retain(|row| held.contains_key(&row.holder));
            write(means, table, &rows).await?;
        }

        self.replace_keys(means, &held).await?;

        Ok(batch)
    }

    /// Locks those holders that nobody else has locked. Their keys are read with them.
    async fn hold(
        &self,
        means: &mut Means,
        ids: Vec<Uuid>,
        kept: &mut Kept,
    ) -> Result<BTreeMap<Uuid, Held>, Error> {
        let SealedTable { table, id, .. } = self.holder;
        // FOR UPDATE, although the row's id stays: whoever seals under its key has it FOR KEY SHARE.
        let text = format!(
            r"
                SELECT t.{id}, k.id, k.organization_id, k.subject_id, k.wrapped
                FROM {table} t {}
                WHERE t.{id} = ANY ($1) AND k.created_at < $2
                ORDER BY t.{id}
                FOR UPDATE OF t SKIP LOCKED
            ",
            self.holder.joined_key()
        );

        let mut held = BTreeMap::new();
        for row in means.run(text, [ids.into(), moment(self.before)]).await? {
            let id: Uuid = row.decode(0)?;
            match Held::read(means, &row) {
                Ok(one) => drop(held.insert(id, one)),
                Err(error) => kept.refuse(id, (table, id), &error),
            }
        }

        Ok(held)
    }

    /// Names the new keys where the old ones were named, and destroys these.
    async fn replace_keys(
        &self,
        means: &mut Means,
        held: &BTreeMap<Uuid, Held>,
    ) -> Result<(), Error> {
        const MAKE: &str = r"
            INSERT INTO data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT n.*, $1
            FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[]) AS n
        ";

        const DESTROY: &str = "DELETE FROM data_keys WHERE id = ANY ($1)";

        let SealedTable { table, id, .. } = self.holder;
        let name = format!(
            r"
                UPDATE {table} t
                SET data_key = n.key
                FROM unnest($1::uuid[], $2::bigint[]) AS n (id, key)
                WHERE t.{id} = n.id
            "
        );
        let each = |value: &dyn Fn(&Held) -> Uuid| {
            Value::from(held.values().map(value).collect::<Vec<_>>())
        };

        let keys =
            |key: &dyn Fn(&Held) -> i64| Value::from(held.values().map(key).collect::<Vec<_>>());
        let new = keys(&|one| one.new.id());
        let wrapped = held
            .values()
            .map(|one| one.wrapped.clone())
            .collect::<Vec<_>>();

        let now = moment(means.runtime.clock.now());
        let made = [
            now,
            new.clone(),
            each(&|one| one.organization),
            each(&|one| one.subject),
            Value::from(wrapped),
        ];

        means.run(MAKE.to_owned(), made).await?;
        means
            .run(name, [held.keys().copied().collect::<Vec<_>>().into(), new])
            .await?;

        means
            .run(DESTROY.to_owned(), [keys(&|one| one.old.id())])
            .await
            .map(drop)
    }
}

impl Held {
    fn read(means: &Means, row: &Row) -> Result<Self, Error> {
        let (organization, subject): (Uuid, Uuid) = (row.decode(2)?, row.decode(3)?);
        let old = means.unwrap(row.decode(1)?, organization, subject, row.decode(4)?)?;
        let (new, wrapped) = means
            .ring
            .new_data_key(&means.runtime.random, organization, subject);

        Ok(Self {
            organization,
            subject,
            old,
            new,
            wrapped: wrapped.0,
        })
    }

    /// The cells of a row, which begin at `position`, under the new key.
    fn seal(
        &self,
        means: &Means,
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
            Ok(self.new.seal(&means.runtime.random, &cell, &plaintext))
        };
        table.columns.iter().zip(2..).map(seal).collect()
    }
}

impl Kept {
    fn refuse(&mut self, holder: Uuid, (table, row): (&str, Uuid), error: &Error) {
        tracing::error!(table, %row, %error, cause = error.cause(), "a row is not resealed");
        self.refused.insert(holder);
    }
}

/// Locks what one table holds of them, and seals it anew. A holder of whose rows one is locked by somebody else is kept.
async fn open_and_seal(
    means: &mut Means,
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
    for row in means
        .run(text, [held.keys().copied().collect::<Vec<_>>().into()])
        .await?
    {
        let (holder, id): (Uuid, Option<Uuid>) = (row.decode(0)?, row.decode(1)?);
        let (Some(one), Some(id)) = (held.get(&holder), id) else {
            kept.busy.insert(holder);
            continue;
        };
        match one.seal(means, table, id, &row) {
            Ok(cells) => rows.push(Resealed { holder, id, cells }),
            Err(error) => kept.refuse(holder, (name, id), &error),
        }
    }

    Ok(rows)
}

/// Writes rows that this transaction has locked.
async fn write(means: &mut Means, table: &SealedTable, rows: &[Resealed]) -> Result<(), Error> {
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

    means.run(text, values).await.map(drop)
}

impl Mover for Holders {
    fn table(&self) -> &'static str {
        self.holder.table
    }

    async fn count(&self, means: &mut Means) -> Result<u64, Error> {
        let SealedTable { table, .. } = self.holder;
        let text = format!(
            "SELECT count(*) FROM {table} t {} WHERE k.created_at < $1",
            self.holder.joined_key()
        );
        means.count(text, [moment(self.before)]).await
    }

    async fn batch(&mut self, means: &mut Means, size: u32) -> Result<Option<Batch>, Error> {
        let SealedTable { table, id, .. } = self.holder;
        let next = format!(
            r"
                SELECT t.{id}
                FROM {table} t {}
                WHERE k.created_at < $1 AND t.{id} > $2
                ORDER BY t.{id}
                LIMIT $3
            ",
            self.holder.joined_key()
        );

        let rows = means
            .run(
                next,
                [
                    moment(self.before),
                    self.after.into(),
                    i64::from(size).into(),
                ],
            )
            .await?;

        let ids = rows
            .iter()
            .map(|row| row.decode(0))
            .collect::<Result<Vec<Uuid>, _>>()?;
        let Some(last) = ids.last() else {
            return Ok(None);
        };

        self.after = *last;
        means.run("BEGIN".to_owned(), []).await?;

        let batch = self.reseal(means, ids).await;
        means
            .run(
                if batch.is_ok() { "COMMIT" } else { "ROLLBACK" }.to_owned(),
                [],
            )
            .await?;

        batch.map(Some)
    }

    fn rewind(&mut self) {
        self.after = Uuid::nil();
    }
}
