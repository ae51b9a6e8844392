//! Upserts: inserts that update the row which is already there.

use crate::{
    Authenticated, Door, Entity, EntityScope as _, Error, Field, Job, Plain, Versioned, Write,
    WrittenBy,
    audit::{COLUMNS, OCCURRED_AT, WIDTH, placeholders},
    entity_statements::{FIRST, owner, statements},
    job,
    recorded_values::{set, written},
    selection::columns_of,
    statement::Statement,
};

/// How often an upsert is made if a row with the same key appears or disappears meanwhile.
const ATTEMPTS: usize = 3;

/// A row that was inserted or updated.
#[derive(Debug)]
pub struct Upserted<E> {
    /// The row as it is now, with the ID of the row that was there.
    pub row: E,
    /// Whether it was inserted.
    pub is_new: bool,
}

/// The columns by which a row is found: a field, or a tuple of up to three. The table needs a unique
/// constraint on them, together with `organization_id` or `user_id` unless the rows are of the
/// platform.
pub trait UniqueKey<E>: Send {
    /// The names of the columns.
    fn columns(&self) -> Vec<&'static str>;
}

impl<E: Entity, V: Plain> UniqueKey<E> for Field<E, V> {
    fn columns(&self) -> Vec<&'static str> {
        vec![self.column]
    }
}

impl<E: Entity, V: Plain, W: Plain> UniqueKey<E> for (Field<E, V>, Field<E, W>) {
    fn columns(&self) -> Vec<&'static str> {
        vec![self.0.column, self.1.column]
    }
}

impl<E: Entity, V: Plain, W: Plain, X: Plain> UniqueKey<E>
    for (Field<E, V>, Field<E, W>, Field<E, X>)
{
    fn columns(&self) -> Vec<&'static str> {
        vec![self.0.column, self.1.column, self.2.column]
    }
}

impl<A: Authenticated> Door<A> {
    /// Inserts `row`, or updates the caller's row with the same `key`, which keeps its ID and
    /// `created_at`. The record is that of an insert or of an update.
    ///
    /// Rows without sealed columns only; it does not compile for others.
    ///
    /// # Errors
    /// [`Error::Constraint`] if the row violates another constraint; [`Error::Contended`] if rows
    /// with this key appear and disappear all the time; [`Error::Internal`] if the table has no
    /// unique constraint on the key.
    pub fn upsert<'a, E>(
        &'a self,
        row: &'a E,
        key: impl UniqueKey<E> + 'a,
    ) -> Write<'a, Upserted<E>>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        const {
            assert!(
                E::SEALED.is_empty(),
                "rows with sealed columns cannot be upserted: find the row, then insert or update it"
            );
        }

        Write::new(move |jobs| async move {
            let key = key.columns();
            for _ in 0..ATTEMPTS {
                if let Some(upserted) = self.try_upsert(row, &key, jobs.clone()).await? {
                    return Ok(upserted);
                }
            }
            Err(Error::Contended)
        })
    }

    /// `None` if a row appeared after the statement had looked for it, or disappeared.
    async fn try_upsert<E: Entity>(
        &self,
        row: &E,
        key: &[&'static str],
        jobs: Vec<Job>,
    ) -> Result<Option<Upserted<E>>, Error> {
        let mut values = self.record::<E>("created", row.id());
        values.extend(row.values(&self.sealing::<E>(row.id().uuid(), None))?);
        let queued = job::queued(jobs, &mut values);

        let text = text::<E>(key, &queued);
        let rows = self
            .write(Statement::new(statements::<E>().names.insert, text, values))
            .await?;

        rows.first()
            .map(|row| {
                Ok(Upserted {
                    row: self.decode(row)?,
                    is_new: row.decode(E::COLUMNS.len())?,
                })
            })
            .transpose()
    }
}

/// The statement. After the record come the row's values.
///
/// It looks for the row first, so that the record has the values from before. `ON CONFLICT` only
/// keeps a concurrent insert from failing it.
fn text<E: Entity>(key: &[&'static str], queued: &str) -> String {
    let position = |column: &str| {
        let position = E::COLUMNS.iter().position(|known| *known == column);
        FIRST + position.unwrap_or_default()
    };
    let same_key: Vec<_> = key
        .iter()
        .map(|column| format!("{column} = ${}", position(column)))
        .collect();

    let kept = ["id", "version", "created_at", "updated_at"];
    let assigned: Vec<_> = E::COLUMNS
        .iter()
        .copied()
        .filter(|column| !kept.contains(column) && !key.contains(column))
        .collect();
    let assignments: String = assigned
        .iter()
        .map(|column| format!("{column} = ${}, ", position(column)))
        .collect();

    let (owner_column, owner) = owner::<E>();

    format!(
        r"
            WITH found AS (
                SELECT *
                FROM {table}
                WHERE {same_key}{own}
                FOR UPDATE
            ),
            inserted AS (
                INSERT INTO {table} ({owner_column}{columns})
                SELECT {owner}{values}
                WHERE NOT EXISTS (SELECT FROM found)
                ON CONFLICT ({owner_column}{key}) DO NOTHING
                RETURNING *
            ),
            updated AS (
                UPDATE {table} t
                SET {assignments}version = t.version + 1, updated_at = ${now}
                FROM found
                WHERE t.id = found.id
                RETURNING t.*
            ),
            changed AS (
                SELECT * FROM inserted
                UNION ALL
                SELECT * FROM updated
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS}, before, after)
                SELECT {until_id}, id, {after_id}, NULL, {inserted_values}
                FROM inserted
                UNION ALL
                SELECT {until_action}, '{resource}.updated', {until_updated_id}, id, {after_id},
                    {found_values}, {updated_values}
                FROM updated
                JOIN found USING (id)
            ){queued}
            SELECT {selected}, EXISTS (SELECT FROM inserted)
            FROM changed t
        ",
        table = E::TABLE,
        same_key = same_key.join(" AND "),
        own = E::Scope::SCOPE.of_record(""),
        columns = E::COLUMNS.join(", "),
        values = placeholders(FIRST, E::COLUMNS.len()),
        key = key.join(", "),
        now = 1 + OCCURRED_AT,
        resource = E::RESOURCE,
        until_id = placeholders(1, 8),
        until_action = placeholders(1, 5),
        until_updated_id = placeholders(7, 2),
        after_id = placeholders(10, WIDTH - 9),
        inserted_values = written::<E>("inserted"),
        found_values = set::<E>("found", &assigned),
        updated_values = set::<E>("updated", &assigned),
        selected = columns_of::<E>(),
    )
}
