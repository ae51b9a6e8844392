//! Export of all data about one person, in pages; each page is recorded in the audit log (GDPR
//! Articles 15 and 20).

mod account;
mod contents;
mod json;
mod reading;

use std::fmt::Write as _;

use mainstay_kernel::Id;

use crate::{
    Authenticated, Cursor, Door, Entity, Error, HasSubjects, Scope, SealedTable, WrittenBy,
    audit::{COLUMNS, WIDTH, placeholders},
    entity_statements::{FIRST, statements},
    erasure::{describing, person},
    statement::Statement,
};
use reading::{LOG, Reading};

pub use contents::{Export, ExportedAs, ExportedChange, ExportedEvent, ExportedField, ExportedRow};

impl<A: Authenticated> Door<A> {
    /// Exports all data about a person: each registered row that describes them, without secrets of
    /// the service and with sealed values decrypted, and the audit records about those rows. The
    /// statement also records `<resource>.exported`, once per page.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row, or the person was
    /// erased; [`Error::Cursor`] if the cursor is of another export; [`Error::Internal`] as for
    /// [`erase`](Self::erase).
    pub async fn export<E>(&self, id: Id<E>, after: Option<&Cursor>) -> Result<Export, Error>
    where
        E: Entity<Scope: WrittenBy<A, E> + HasSubjects>,
    {
        self.refuse_unshown(id).await?;

        let tables = self.database().sealed_tables();
        let person = person(tables, E::TABLE)?;
        let owner = self.owner::<E>();
        let described: Vec<_> = describing(person, tables).collect();
        let context = format!("export {owner} {} {id}", E::TABLE);

        let reading = Reading::start(
            self.database(),
            (owner, id.uuid()),
            context,
            described,
            after,
        )
        .await?;

        let mut values = self.record::<E>("exported", id);
        values.extend(reading.values());
        let text = text(person, &reading.tables);
        let found = self
            .write(Statement::new(statements::<E>().names.export, text, values))
            .await?;

        reading.finish(&found)
    }
}

/// The statement. After the record come `$12`, the person's ID, `$13` and `$14`, the section and ID
/// to continue after, and `$15`, the limit. If there are no further rows, one row of nulls says
/// that the person exists.
fn text(person: &SealedTable, described: &[&SealedTable]) -> String {
    let (mut rows, mut ids) = (String::new(), Vec::new());
    let own = person.scope.of_record("t.");
    for (number, table) in described.iter().enumerate() {
        let (name, subject) = (table.table, table.subject);
        let key = if table.is_sealed() {
            "k.id = t.data_key"
        } else {
            "false"
        };

        // Writing to a string cannot fail. Names come from the code at compile time; no value is
        // part of the text.
        let _ = write!(
            rows,
            r"
                SELECT {number} AS section, t.id, to_jsonb(t) AS content, k.id AS key, k.wrapped, k.subject_id
                FROM {name} t
                JOIN person ON t.{subject} = person.id{own}
                LEFT JOIN mainstay.data_keys k ON {key}
                UNION ALL"
        );

        ids.push(format!(
            r"
                      SELECT t.id
                      FROM {name} t
                      JOIN person ON t.{subject} = person.id{own}"
        ));
    }

    format!(
        r"
            WITH person AS (
                SELECT id
                FROM {table} t
                WHERE id = ${id}{own} AND data_key IS NOT NULL
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS})
                SELECT {record}
                FROM person
            ),
            known AS (
                {rows}
                SELECT {LOG}, e.id, to_jsonb(e), k.id, k.wrapped, k.subject_id
                FROM mainstay.audit_events e
                JOIN person ON true
                LEFT JOIN mainstay.data_keys k
                    ON k.subject_id = person.id
                    AND k.organization_id = {owner}
                    AND k.id = coalesce(e.after ->> 'data_key', e.before ->> 'data_key')::bigint
                WHERE {recorded}e.resource_id IN ({ids}
                  )
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
        owner = person.scope.owner_in_record(),
        recorded = match person.scope {
            Scope::Organization => "e.organization_id = $3 AND ",
            // Members of any organization may have written the row.
            _ => "",
        },
        id = FIRST,
        section = FIRST + 1,
        after = FIRST + 2,
        limit = FIRST + 3,
        record = placeholders(1, WIDTH),
        ids = ids.join("\n                      UNION ALL"),
    )
}
