//! Updates and deletes of many rows: one statement, with an audit record for each row.

use mainstay_kernel::Uuid;
use sea_query::{PostgresQueryBuilder, Value};

use crate::{
    Authenticated, Changes, Door, Entity, Error, Event, Filter, Job, Versioned, Write, WrittenBy,
    audit::{COLUMNS, OCCURRED_AT, WIDTH, placeholders},
    entity_statements::{sealed, statements},
    job,
    recorded_values::{set, shown},
    statement::Statement,
};

/// Maximum number of rows that one statement changes.
const MOST_AT_ONCE: usize = 500;

impl<A: Authenticated> Door<A> {
    /// Updates all rows of the caller that match, and returns their number. Each has its own audit
    /// record.
    ///
    /// # Errors
    /// [`Error::TooManyToChange`] if more than 500 rows match, [`Error::Constraint`] if a row would
    /// violate a constraint: no row is changed. [`Error::Internal`] if the filter or a change is
    /// about a sealed field: each row has a key of its own, so [`update`](Self::update) them one by
    /// one.
    pub fn update_many<E>(&self, filter: Filter<E>, changes: Changes<E>) -> Write<'_, usize>
    where
        E: Versioned<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| async move { self.update_all(&filter, &changes, jobs).await })
    }

    /// Deletes all rows of the caller that match, and returns their number. Each has its own audit
    /// record. If they are sealed, their data keys are deleted, too: see [`delete`](Self::delete).
    ///
    /// # Errors
    /// [`Error::TooManyToChange`] if more than 500 rows match, [`Error::Constraint`] if other rows
    /// reference one of them: no row is deleted. [`Error::Internal`] if the filter compares sealed
    /// values.
    pub fn delete_many<E>(&self, filter: Filter<E>) -> Write<'_, usize>
    where
        E: Entity<Scope: WrittenBy<A, E>>,
    {
        Write::new(move |jobs| async move { self.delete_all(&filter, jobs).await })
    }

    async fn update_all<E: Versioned>(
        &self,
        filter: &Filter<E>,
        changes: &Changes<E>,
        jobs: Vec<Job>,
    ) -> Result<usize, Error> {
        if changes.seals {
            return Err(Error::internal(
                "sealed fields are updated row by row: each row has a key of its own",
            ));
        }
        if changes.is_empty() {
            return Ok(0);
        }

        let mut selected = self.selected_for(filter, "updated")?;
        let (mut assignments, mut columns) = (String::new(), Vec::new());
        for assigned in changes.resolve(&self.sealing::<E>(Uuid::nil(), None))? {
            selected.values.push(assigned.value);
            assignments += &assigned
                .how
                .assignment(assigned.column, selected.values.len());
            columns.push(assigned.column);
        }

        let alteration = Alteration {
            name: statements::<E>().names.update,
            text: format!(
                r"
                    UPDATE {table} t
                    SET {assignments}version = t.version + 1, updated_at = ${now}
                    FROM found
                ",
                table = E::TABLE,
                now = selected.record + OCCURRED_AT,
            ),
            recorded: "before, after",
            recorded_values: format!(
                "{}, {}",
                set::<E>("found", &columns),
                set::<E>("changed", &columns)
            ),
            destroyed: "NULL",
        };

        self.alter(selected, alteration, jobs).await
    }

    async fn delete_all<E: Entity>(
        &self,
        filter: &Filter<E>,
        jobs: Vec<Job>,
    ) -> Result<usize, Error> {
        let selected = self.selected_for(filter, "deleted")?;

        let alteration = Alteration {
            name: statements::<E>().names.delete,
            text: format!("DELETE FROM {} t USING found", E::TABLE),
            recorded: "before",
            recorded_values: shown::<E>("changed"),
            destroyed: match sealed::<E>() {
                true => "mainstay.destroy_data_key(data_key)",
                false => "NULL",
            },
        };

        self.alter(selected, alteration, jobs).await
    }

    /// Selects and locks the matching rows in the order of their IDs, so that two statements do not
    /// wait for each other.
    fn selected_for<E: Entity>(&self, filter: &Filter<E>, verb: &str) -> Result<Selected, Error> {
        if !filter.compared().is_empty() {
            return Err(Error::internal(
                "a blind index finds a few rows too many: read the rows, and change them one by one",
            ));
        }

        let matching = self.matching::<E>("t.*", None, self.conditions(filter));
        let (text, values) = matching.build(PostgresQueryBuilder);
        let more = MOST_AT_ONCE + 1;

        let mut values = values.0;
        let record = values.len() + 1;
        values.extend(self.record_of_all::<E>(verb));
        let records = (0..MOST_AT_ONCE).map(|_| self.runtime().new_id::<Event>().uuid());
        values.push(records.collect::<Vec<_>>().into());

        Ok(Selected {
            text: format!("{text} ORDER BY t.id LIMIT {more} FOR UPDATE OF t"),
            values,
            record,
        })
    }

    async fn alter(
        &self,
        selected: Selected,
        alteration: Alteration,
        jobs: Vec<Job>,
    ) -> Result<usize, Error> {
        let Selected {
            text: found,
            mut values,
            record,
        } = selected;
        let Alteration {
            name,
            text,
            recorded,
            recorded_values,
            destroyed,
        } = alteration;

        let queued = job::queued(jobs, &mut values);
        let text = format!(
            r"
                WITH found AS (
                    {found}
                ),
                changed AS (
                    {text}
                    WHERE t.id = found.id AND (SELECT count(*) FROM found) <= {MOST_AT_ONCE}
                    RETURNING t.*
                ),
                recorded AS (
                    INSERT INTO mainstay.audit_events ({COLUMNS}, {recorded})
                    SELECT (${ids}::uuid[])[row_number() OVER ()], {before_id}, id, {after_id},
                        {recorded_values}
                    FROM changed
                    JOIN found USING (id)
                ){queued}
                SELECT
                    (SELECT count(*) FROM found),
                    ARRAY(SELECT id FROM changed),
                    (SELECT count({destroyed}) FROM changed)
            ",
            ids = record + WIDTH,
            before_id = placeholders(record + 1, 7),
            after_id = placeholders(record + 9, 2),
        );

        let rows = self.write(Statement::new(name, text, values)).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        if row.decode::<i64>(0)? > MOST_AT_ONCE as i64 {
            return Err(Error::TooManyToChange { most: MOST_AT_ONCE });
        }

        let changed: Vec<Uuid> = row.decode(1)?;
        for id in &changed {
            self.database().forget_key(*id);
        }

        Ok(changed.len())
    }
}

/// The rows that a statement changes.
struct Selected {
    /// Selects them.
    text: String,
    values: Vec<Value>,
    /// The position of the record's values. After them comes an array of the records' IDs.
    record: usize,
}

/// How a statement changes rows.
struct Alteration {
    name: &'static str,
    /// The change of the rows `t` that are in `found`, without its condition.
    text: String,
    /// The columns of a record, besides those of every record.
    recorded: &'static str,
    recorded_values: String,
    /// Destroys the data key of a row in `changed`.
    destroyed: &'static str,
}
