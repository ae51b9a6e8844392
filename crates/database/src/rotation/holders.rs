//! Reseals accounts, with the rows of other tables that are sealed under their keys.

use std::collections::BTreeMap;

use mainstay_kernel::{Timestamp, Uuid};
use sea_query::Value;

use super::{
    held_rows::{Held, Kept, open_and_seal, write},
    mover::{Batch, Context, Mover},
};
use crate::{Error, KeyHolder, SealedTable, column::moment};

/// Reseals rows that hold a data key, together with rows of other tables that are sealed under it:
/// accounts.
///
/// A batch is a transaction. It first locks the rows that hold the keys, which blocks statements
/// that seal another value under one ([`Sql::change_sealed`](crate::Sql::change_sealed)).
/// Then it reads all values sealed under them, so none can be added unseen. A holder is skipped if
/// any of its rows is locked.
pub(super) struct Holders {
    holder: SealedTable,
    /// The other tables, each with the column that refers to the holder.
    dependants: Vec<(SealedTable, &'static str)>,
    before: Timestamp,
    after: Uuid,
}

/// The tables whose rows are sealed under the keys of `holder`'s rows, with the columns that refer
/// to those rows.
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

    /// The table of holders, and the tables sealed under their keys.
    fn tables(&self) -> impl Iterator<Item = (&SealedTable, &'static str)> {
        let dependants = self
            .dependants
            .iter()
            .map(|(table, column)| (table, *column));
        std::iter::once((&self.holder, self.holder.id)).chain(dependants)
    }

    /// Moves the holders of a batch that are not locked.
    async fn reseal(&self, context: &mut Context, ids: Vec<Uuid>) -> Result<Batch, Error> {
        let mut batch = Batch {
            seen: ids.len(),
            ..Batch::default()
        };
        let mut kept = Kept::default();
        let mut held = self.hold(context, ids, &mut kept).await?;
        let mut writes = Vec::new();

        for (table, column) in self.tables() {
            writes.push((
                table,
                open_and_seal(context, (table, column), &held, &mut kept).await?,
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
            write(context, table, &rows).await?;
        }

        self.replace_keys(context, &held).await?;

        Ok(batch)
    }

    /// Locks the holders that are not locked yet, and reads their keys.
    async fn hold(
        &self,
        context: &mut Context,
        ids: Vec<Uuid>,
        kept: &mut Kept,
    ) -> Result<BTreeMap<Uuid, Held>, Error> {
        let SealedTable { table, id, .. } = self.holder;
        // FOR UPDATE conflicts with the FOR KEY SHARE of statements that seal under the key.
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
        for row in context.run(text, [ids.into(), moment(self.before)]).await? {
            let id: Uuid = row.decode(0)?;
            match Held::read(context, &row) {
                Ok(one) => drop(held.insert(id, one)),
                Err(error) => kept.refuse(id, (table, id), &error),
            }
        }

        Ok(held)
    }

    /// Replaces the old keys by the new ones, and destroys the old ones.
    async fn replace_keys(
        &self,
        context: &mut Context,
        held: &BTreeMap<Uuid, Held>,
    ) -> Result<(), Error> {
        const MAKE: &str = r"
            INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
            SELECT n.*, $1
            FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[]) AS n
        ";

        const DESTROY: &str = "DELETE FROM mainstay.data_keys WHERE id = ANY ($1)";

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

        let now = moment(context.runtime.clock.now());
        let made = [
            now,
            new.clone(),
            each(&|one| one.organization),
            each(&|one| one.subject),
            Value::from(wrapped),
        ];

        context.run(MAKE.to_owned(), made).await?;
        context
            .run(name, [held.keys().copied().collect::<Vec<_>>().into(), new])
            .await?;

        context
            .run(DESTROY.to_owned(), [keys(&|one| one.old.id())])
            .await
            .map(drop)
    }
}

impl Mover for Holders {
    fn table(&self) -> &'static str {
        self.holder.table
    }

    async fn count(&self, context: &mut Context) -> Result<u64, Error> {
        let SealedTable { table, .. } = self.holder;
        let text = format!(
            "SELECT count(*) FROM {table} t {} WHERE k.created_at < $1",
            self.holder.joined_key()
        );
        context.count(text, [moment(self.before)]).await
    }

    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error> {
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

        let ids = rows
            .iter()
            .map(|row| row.decode(0))
            .collect::<Result<Vec<Uuid>, _>>()?;
        let Some(last) = ids.last() else {
            return Ok(None);
        };

        self.after = *last;
        context.run("BEGIN".to_owned(), []).await?;

        let batch = self.reseal(context, ids).await;
        context
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
