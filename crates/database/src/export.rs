//! Export: all that is known of one person, page by page, on record (GDPR Articles 15 and 20).

mod account;
mod contents;
mod reading;

use std::fmt::Write as _;

use mainstay_access::Permission;
use mainstay_kernel::Id;

use crate::{
    Cursor, Door, Entity, Error, SealedTable,
    audit::{COLUMNS, WIDTH, placeholders},
    entity_statements::{FIRST, statements},
    erasure::{describing, person},
    statement::Statement,
};
use reading::{LOG, Reading};

pub use contents::{Export, ExportedAs, ExportedChange, ExportedEvent, ExportedField, ExportedRow};

impl<P: Permission> Door<P> {
    /// All that is known of a person: each registered row that describes them with every column that holds no secret,
    /// sealed values opened, and the audit log about those rows. The statement that reads it records `<resource>.exported`,
    /// for each page.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row, it is another organization's, or its person was erased;
    /// [`Error::Cursor`] when the cursor was not made for this person; [`Error::Internal`] as for
    /// [`erase`](Self::erase).
    pub async fn export<E: Entity>(
        &self,
        id: Id<E>,
        after: Option<&Cursor>,
    ) -> Result<Export, Error> {
        self.refuse_unshown(id).await?;

        let tables = self.database().sealed_tables();
        let person = person(tables, E::TABLE)?;
        let organization = self.organization();
        let described: Vec<_> = describing(person, tables).collect();
        let context = format!("export {organization} {} {id}", E::TABLE);
        let reading =
            Reading::start(self.database(), organization, context, described, after).await?;

        let mut values = self.record::<E>("exported", id);
        values.extend(reading.values(id.uuid()));

        let text = text(person, &reading.tables);
        let found = self
            .write(Statement::new(statements::<E>().names.export, text, values))
            .await?;

        reading.finish(&found)
    }
}

/// The statement: after the record come `$12` the person's id, `$13` and `$14` the section and id to go on after, and
/// `$15` how many. When there is nothing to go on with, one row of nulls says that there is such a person.
fn text(person: &SealedTable, described: &[&SealedTable]) -> String {
    let (id, section, after, limit) = (FIRST, FIRST + 1, FIRST + 2, FIRST + 3);
    let record = placeholders(1, WIDTH);
    let (mut rows, mut ids) = (String::new(), Vec::new());

    for (number, table) in described.iter().enumerate() {
        let (name, subject) = (table.table, table.subject);
        let which = format!(
            "FROM {name} t JOIN person ON t.{subject} = person.id AND t.organization_id = $3"
        );
        let key = if table.is_sealed() {
            "k.id = t.data_key"
        } else {
            "false"
        };

        // Infallible: it writes to a string. Names come from the code at compile time; no value is part of the text.
        let _ = write!(
            rows,
            r"
                SELECT {number} AS section, t.id, to_jsonb(t) AS content, k.id AS key, k.wrapped,
                    k.subject_id {which}
                LEFT JOIN mainstay.data_keys k ON {key}
                UNION ALL
            "
        );

        ids.push(format!("SELECT t.id {which}"));
    }

    format!(
        r"
            WITH person AS (
                SELECT id
                FROM {table}
                WHERE id = ${id} AND organization_id = $3 AND data_key IS NOT NULL
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS})
                SELECT {record}
                FROM person
            ),
            known AS (
                {rows}SELECT {LOG}, e.id, to_jsonb(e), k.id, k.wrapped, k.subject_id
                FROM mainstay.audit_events e
                JOIN person ON true
                LEFT JOIN mainstay.data_keys k ON k.subject_id = person.id
                AND k.organization_id = $3
                    AND k.id = coalesce(e.after ->> 'data_key', e.before ->> 'data_key')::bigint
                WHERE e.organization_id = $3 AND e.resource_id IN ({ids})
            )
            SELECT known.*
            FROM person
            LEFT JOIN (
                SELECT *
                FROM known
                WHERE (section, id) > (${section}, ${after})
                ORDER BY section, id
                LIMIT ${limit}
            ) AS known ON true
            ORDER BY section, id
        ",
        table = person.table,
        ids = ids.join(" UNION ALL "),
    )
}
