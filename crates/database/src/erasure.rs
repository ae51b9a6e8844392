//! Erasure of a person by destroying the data keys (crypto-shredding; GDPR Article 17). What they
//! sealed becomes unreadable: in the tables, in the audit log and in backups without keys.

use std::fmt::Write as _;

use mainstay_kernel::{Id, Uuid};

use crate::{
    Authenticated, Database, Door, Entity, Erasure, Error, HasSubjects, Row, Scope, SealedTable,
    WrittenBy,
    audit::{COLUMNS, WIDTH, placeholders},
    column::moment,
    door::uuid,
    entity_statements::{FIRST, statements},
    statement::Statement,
};

/// The result of an erasure. Both numbers are zero if the person was erased before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Number of data keys destroyed.
    pub keys: i64,
    /// Number of rows emptied or deleted.
    pub rows: i64,
}

impl Erased {
    /// Whether there was nothing left to erase.
    pub fn is_nothing(self) -> bool {
        self.keys == 0 && self.rows == 0
    }
}

impl<A: Authenticated> Door<A> {
    /// Erases a person: destroys their data keys, and empties or deletes each registered row that
    /// describes them, according to [`Entity::ERASURE`]. One statement does this and adds the audit
    /// record `<resource>.erased`.
    ///
    /// It can be repeated, and then erases what was added since. If nothing was, nothing is
    /// recorded.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row;
    /// [`Error::Constraint`] if a row to delete is still referenced; [`Error::Internal`] if the
    /// entity is not registered, or its rows describe other rows.
    pub async fn erase<E>(&self, id: Id<E>) -> Result<Erased, Error>
    where
        E: Entity<Scope: WrittenBy<A, E> + HasSubjects>,
    {
        let tables = self.database().sealed_tables();
        let person = person(tables, E::TABLE)?;

        let mut values = self.record::<E>("erased", id);
        values.extend([uuid(id.uuid()), moment(self.runtime().clock.now())]);
        let name = statements::<E>().names.erase;
        let rows = self
            .write(Statement::new(name, text(person, tables, ""), values))
            .await?;

        read(self.database(), &rows)
    }
}

/// Reads the result of the statement and removes the rows' keys from the cache. No row means no
/// such person.
pub(crate) fn read(database: &Database, rows: &[Row]) -> Result<Erased, Error> {
    let row = rows.first().ok_or(Error::NotFound)?;
    for id in row.decode::<Vec<Uuid>>(2)? {
        database.forget_key(id);
    }

    Ok(Erased {
        keys: row.decode(0)?,
        rows: row.decode(1)?,
    })
}

/// The tables whose rows may describe a person in the table `person`: that table, and those of the
/// same scope with a subject column.
pub(crate) fn describing<'a>(
    person: &'a SealedTable,
    tables: &'a [SealedTable],
) -> impl Iterator<Item = &'a SealedTable> {
    tables.iter().filter(move |table| {
        table.scope == person.scope && (table.table == person.table || table.subject != table.id)
    })
}

/// The registered table with this name, whose rows must be persons.
pub(crate) fn person<'a>(tables: &'a [SealedTable], table: &str) -> Result<&'a SealedTable, Error> {
    let found = tables.iter().find(|known| known.table == table);
    let found =
        found.ok_or_else(|| Error::internal(format!("no module has registered {table}")))?;
    let scoped = matches!(found.scope, Scope::Organization | Scope::Platform);
    if found.subject != found.id || !scoped || !found.is_sealed() {
        return Err(Error::internal(format!(
            "the rows of {table} are not persons of an organization or of the platform"
        )));
    }

    Ok(found)
}

/// The statement. After the record come `$12`, the person's ID, and `$13`, the time. `only` is a
/// further condition, starting with ` AND `.
///
/// Rows are found by their subject's ID, which is unique among all tables. The keys are destroyed
/// last, when all rows are locked: until then, a concurrent statement may give a row another key.
pub(crate) fn text(person: &SealedTable, tables: &[SealedTable], only: &str) -> String {
    let mut clauses = String::new();
    let mut erased = Vec::new();
    for (number, table) in describing(person, tables).enumerate() {
        let Some(clause) = erase_rows(table) else {
            continue;
        };

        // Writing to a string cannot fail.
        let _ = write!(
            clauses,
            r"
            gone_{number} AS ({clause}
            ),"
        );
        erased.push(format!(
            "SELECT '{resource}' AS resource, id FROM gone_{number}",
            resource = table.resource
        ));
    }

    format!(
        r"
            WITH person AS (
                SELECT *
                FROM {person} t
                WHERE id = ${id}{own}{only}
                FOR UPDATE
            ),{clauses}
            rows AS (
                {erased}
            ),
            counted AS (
                SELECT count(*) AS rows
                FROM rows
            ),
            outcome AS (
                SELECT mainstay.destroy_data_keys_of(person.id, {owner}) AS keys, counted.rows,
                    (
                        SELECT jsonb_object_agg(resource, ids)
                        FROM (
                            SELECT resource, jsonb_agg(id) AS ids
                            FROM rows
                            GROUP BY resource
                        ) AS by_resource
                    ) AS ids
                FROM person, counted
            ),
            recorded AS (
                INSERT INTO mainstay.audit_events ({COLUMNS}, after)
                SELECT {record},
                    jsonb_build_object(
                        'erased_at', ${now}::timestamptz, 'destroyed_keys', keys, 'erased_rows', ids
                    )
                FROM outcome
                WHERE keys > 0 OR rows > 0
            )
            SELECT keys, rows, ARRAY(SELECT id FROM rows)
            FROM outcome
        ",
        person = person.table,
        own = person.scope.of_record("t."),
        owner = person.scope.owner_in_record(),
        id = FIRST,
        record = placeholders(1, WIDTH),
        now = FIRST + 1,
        erased = erased.join("\n                UNION ALL\n                "),
    )
}

/// Empties or deletes the rows of a table; `None` if there is nothing to empty. Names come from the
/// code at compile time; no value is part of the text.
fn erase_rows(table: &SealedTable) -> Option<String> {
    let SealedTable {
        table: name,
        subject,
        ..
    } = table;

    let own = table.scope.of_record("t.");

    match table.erasure {
        Erasure::Empty if !table.is_sealed() => None,
        Erasure::Empty => Some(format!(
            r"
                UPDATE {name} t
                SET {emptied}
                FROM person
                WHERE t.{subject} = person.id{own}
                  AND t.data_key IS NOT NULL
                RETURNING t.id",
            emptied = emptied(table)
        )),
        Erasure::Delete => Some(format!(
            r"
                DELETE FROM {name} t
                USING person
                WHERE t.{subject} = person.id{own}
                RETURNING t.id"
        )),
    }
}

/// The assignments that remove a person's data from a row. Every sealed column may be empty.
fn emptied(table: &SealedTable) -> String {
    let sealed = table
        .columns
        .iter()
        .map(|sealed| format!("{} = ''::bytea", sealed.column));
    let indexes = table
        .indexes
        .iter()
        .map(|index| format!("{} = NULL", index.column));

    sealed
        .chain(indexes)
        .chain(["data_key = NULL".to_owned()])
        .collect::<Vec<_>>()
        .join(", ")
}
