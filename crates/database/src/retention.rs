//! Retention: erases or deletes expired rows, each with an audit record (GDPR Article 5(1)(e)).

use std::{marker::PhantomData, time::Duration};

use mainstay_kernel::{Timestamp, Uuid};
use sea_query::Value;

use crate::{
    Database, Entity, Error, Event, Field, HasSubjects, Origin, Scope, SealedTable, TextColumn,
    audit::{COLUMNS, WIDTH, placeholders, record},
    column::moment,
    door::uuid,
    entity_statements::FIRST,
    erasure,
    statement::Statement,
};

/// Number of rows per batch; small, so that no statement delays the service.
const BATCH: i64 = 100;

/// A retention rule: how long rows of a table are kept, from which time, and what happens to them
/// then.
///
/// ```ignore
/// Retention::counted_from(CustomerRow::UPDATED_AT)
///     .only(CustomerRow::STATUS, &Status::Inactive)
///     .after(Duration::from_secs(3 * 365 * 86_400))
///     .erase()
/// ```
#[derive(Clone, Debug)]
pub struct Retention {
    table: &'static str,
    resource: &'static str,
    counted_from: &'static str,
    only: Option<(&'static str, String)>,
    after: Option<Duration>,
    then: Then,
}

/// What happens to an expired row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The person that the row represents is erased, as by [`Door::erase`](crate::Door::erase).
    Erase,
    /// The row and its data key are deleted.
    Delete,
}

/// Builder of a [`Retention`] rule.
pub struct Counted<E> {
    counted_from: &'static str,
    only: Option<(&'static str, String)>,
    after: Option<Duration>,
    entity: PhantomData<fn() -> E>,
}

/// The result of enforcing a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforced {
    /// Number of rows erased or deleted.
    pub rows: u64,
    /// Number of expired rows that stay because other rows reference them.
    pub referred_to: u64,
}

impl Retention {
    /// A rule for the rows of `E`, counted from `field`. Without [`after`](Counted::after), it has
    /// no effect until a setting gives a period.
    pub fn counted_from<E: Entity>(field: Field<E, Timestamp>) -> Counted<E> {
        Counted {
            counted_from: field.column,
            only: None,
            after: None,
            entity: PhantomData,
        }
    }

    /// The table of the rule.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// How long rows are kept; `None` if the rule is disabled.
    pub fn period(&self) -> Option<Duration> {
        self.after
    }

    /// The same rule with another period; `None` disables it.
    #[must_use]
    pub fn with_period(mut self, after: Option<Duration>) -> Self {
        self.after = after;
        self
    }

    /// The column from which the period is counted.
    pub fn counts_from(&self) -> &'static str {
        self.counted_from
    }

    /// The column and value that limit the rule to some rows.
    pub fn limited_to(&self) -> Option<(&'static str, &str)> {
        self.only
            .as_ref()
            .map(|(column, value)| (*column, value.as_str()))
    }

    /// What happens to an expired row.
    pub fn then(&self) -> Then {
        self.then
    }

    /// Erases or deletes expired rows, each in one statement with its audit record. The statement
    /// checks again whether the row is expired, so that rows changed meanwhile, or taken by another
    /// worker, are skipped.
    ///
    /// # Errors
    /// The error of the database; the rows before it stay erased. [`Error::Internal`] if the table
    /// is not registered.
    pub async fn enforce(&self, database: &Database) -> Result<Enforced, Error> {
        let mut done = Enforced::default();
        let Some(after) = self.after else {
            return Ok(done);
        };

        let tables = database.sealed_tables();
        let table = tables.iter().find(|known| known.table == self.table);
        let table = table
            .ok_or_else(|| Error::internal(format!("no module has registered {}", self.table)))?;

        let text = match self.then {
            Then::Erase => erasure::text(
                erasure::person(tables, self.table)?,
                tables,
                &self.alive(FIRST + 2),
            ),
            Then::Delete => self.delete(table),
        };

        let cutoff =
            database.now().await? - time::Duration::try_from(after).unwrap_or(time::Duration::MAX);
        let run = database.runtime().new_id::<Origin>().uuid();
        let origin = Origin {
            request: run,
            operation: "retention",
            address: None,
        };

        let mut last = Uuid::nil();
        loop {
            let due = self.due(database, table, cutoff, last).await?;
            for (id, organization) in &due {
                match self
                    .end(database, &origin, &text, cutoff, (*id, *organization))
                    .await
                {
                    Ok(gone) => done.rows += u64::from(gone),
                    Err(Error::Constraint { name, .. }) => {
                        tracing::warn!(
                            table = self.table,
                            constraint = name,
                            "expired row cannot be deleted because it is referenced"
                        );
                        done.referred_to += 1;
                    }
                    Err(error) => return Err(error),
                }

                last = *id;
            }

            if i64::try_from(due.len()).is_ok_and(|count| count < BATCH) {
                return Ok(done);
            }
        }
    }

    async fn due(
        &self,
        database: &Database,
        table: &SealedTable,
        cutoff: Timestamp,
        last: Uuid,
    ) -> Result<Vec<(Uuid, Option<Uuid>)>, Error> {
        let condition = if table.is_sealed() {
            self.alive(2)
        } else {
            self.condition(2)
        };

        // Only an organization has records of its own: see `EntityScope`.
        let organization = match table.scope {
            Scope::Organization => "t.organization_id",
            Scope::Person | Scope::Platform | Scope::Nowhere => "NULL::uuid",
        };

        let text = format!(
            r"
                SELECT t.id, {organization}
                FROM {table} t
                WHERE t.id > $1{condition}
                ORDER BY t.id
                LIMIT {BATCH}
            ",
            table = self.table,
        );
        let mut values = vec![uuid(last), moment(cutoff)];
        values.extend(self.only_value());

        let rows = database
            .read(Statement::new("retention.due", text, values))
            .await?;

        rows.iter()
            .map(|row| Ok((row.decode(0)?, row.decode(1)?)))
            .collect()
    }

    /// Erases or deletes one row; `false` if it is no longer due.
    async fn end(
        &self,
        database: &Database,
        origin: &Origin,
        text: &str,
        cutoff: Timestamp,
        (id, organization): (Uuid, Option<Uuid>),
    ) -> Result<bool, Error> {
        let (name, verb) = match self.then {
            Then::Erase => ("retention.erase", "erased"),
            Then::Delete => ("retention.delete", "deleted"),
        };
        let runtime = database.runtime();

        let event = Event {
            action: format!("{}.{verb}", self.resource),
            resource: self.resource,
            resource_id: Some(id),
            organization: organization.map(Into::into),
        };

        let mut values: Vec<Value> = record(runtime, None, origin, event).into();
        values.extend([uuid(id), moment(runtime.clock.now()), moment(cutoff)]);
        values.extend(self.only_value());

        let rows = database
            .write(Statement::new(name, text.to_owned(), values))
            .await?;
        match self.then {
            Then::Erase if rows.is_empty() => Ok(false),
            Then::Erase => erasure::read(database, &rows).map(|erased| !erased.is_nothing()),
            Then::Delete => {
                database.forget_key(id);
                Ok(!rows.is_empty())
            }
        }
    }

    /// The statement that deletes one row. After the record come `$12`, its ID, `$13`, the time,
    /// and the parameters of [`condition`].
    ///
    /// [`condition`]: Self::condition
    fn delete(&self, table: &SealedTable) -> String {
        let destroyed = if table.is_sealed() {
            ", mainstay.destroy_data_key(data_key)"
        } else {
            ""
        };

        let indexes = table
            .indexes
            .iter()
            .map(|index| index.column)
            .collect::<Vec<_>>()
            .join(", ");

        format!(
            r"
                WITH changed AS (
                    DELETE FROM {table} t
                    WHERE t.id = ${id}{own}
                      AND ${now}::timestamptz IS NOT NULL{condition}
                    RETURNING t.*
                ),
                recorded AS (
                    INSERT INTO mainstay.audit_events ({COLUMNS}, before)
                    SELECT {record}, to_jsonb(changed) - '{{{indexes}}}'::text[]
                    FROM changed
                )
                SELECT id{destroyed}
                FROM changed
            ",
            table = self.table,
            own = match table.scope {
                Scope::Organization => table.scope.of_record("t."),
                // No one signed in for the record, so it names no owner.
                Scope::Person | Scope::Platform | Scope::Nowhere => String::new(),
            },
            id = FIRST,
            now = FIRST + 1,
            condition = self.condition(FIRST + 2),
            record = placeholders(1, WIDTH),
        )
    }

    /// The same condition, for rows that have not been erased.
    fn alive(&self, first: usize) -> String {
        format!("{} AND t.data_key IS NOT NULL", self.condition(first))
    }

    /// The condition for an expired row. The cutoff is the parameter `first`, the value of the
    /// limiting column the next one.
    fn condition(&self, first: usize) -> String {
        let only = self
            .only
            .as_ref()
            .map(|(column, _)| format!(" AND t.{column} = ${}", first + 1))
            .unwrap_or_default();

        format!(" AND t.{} < ${first}{only}", self.counted_from)
    }

    fn only_value(&self) -> Option<Value> {
        self.only.as_ref().map(|(_, value)| value.clone().into())
    }
}

impl<E: Entity> Counted<E> {
    /// Limits the rule to rows whose `field` is `value`.
    #[must_use]
    pub fn only<V: TextColumn>(mut self, field: Field<E, V>, value: &V) -> Self {
        self.only = Some((field.column, value.as_text().to_owned()));
        self
    }

    /// Sets how long rows are kept, unless a setting overrides it.
    #[must_use]
    pub fn after(mut self, period: Duration) -> Self {
        self.after = Some(period);
        self
    }

    /// Erases the person after the period.
    pub fn erase(self) -> Retention
    where
        E::Scope: HasSubjects,
    {
        self.finish(Then::Erase)
    }

    /// Deletes the row after the period.
    pub fn delete(self) -> Retention {
        self.finish(Then::Delete)
    }

    fn finish(self, then: Then) -> Retention {
        let Self {
            counted_from,
            only,
            after,
            ..
        } = self;

        Retention {
            table: E::TABLE,
            resource: E::RESOURCE,
            counted_from,
            only,
            after,
            then,
        }
    }
}
