//! Erasure: the keys of one person are destroyed, and whatever they sealed is unreadable, here, in the audit log and in a
//! backup without keys (crypto-shredding; GDPR Article 17).

use std::fmt::Write as _;

use mainstay_access::Permission;
use mainstay_kernel::{Id, Uuid};

use crate::{
    Database, Door, Entity, Erasure, Error, Row, Scope, SealedTable,
    audit::{COLUMNS, WIDTH, placeholders},
    column::moment,
    door::uuid,
    entity_statements::{FIRST, statements},
    statement::Statement,
};

/// What an erasure destroyed. Nothing of either: the person had been erased before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Data keys.
    pub keys: i64,
    /// Rows that were emptied or deleted.
    pub rows: i64,
}

impl Erased {
    /// Whether there was nothing left to destroy.
    pub fn is_nothing(self) -> bool {
        self.keys == 0 && self.rows == 0
    }
}

impl<P: Permission> Door<P> {
    /// Erases a person: destroys every data key of theirs, and empties or deletes each registered row that describes them,
    /// as [`Entity::ERASURE`] says. One statement with its audit record, `<resource>.erased`.
    ///
    /// To do it again is harmless, and destroys what came since; when nothing did, nothing is recorded.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row, or it is another organization's; [`Error::Constraint`] when a row
    /// that should go is still referred to; [`Error::Internal`] when the entity is not registered, or describes somebody
    /// else than itself.
    pub async fn erase<E: Entity>(&self, id: Id<E>) -> Result<Erased, Error> {
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

/// What the statement tells, and the keys of the rows that it tells of forgotten; without a row, there was nobody.
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

/// The tables whose rows may describe a person of the table `person`: that one, and those that name somebody.
pub(crate) fn describing<'a>(
    person: &'a SealedTable,
    tables: &'a [SealedTable],
) -> impl Iterator<Item = &'a SealedTable> {
    tables.iter().filter(move |table| {
        table.scope == Scope::Organization
            && (table.table == person.table || table.subject != table.id)
    })
}

/// The table whose rows are persons themselves.
pub(crate) fn person<'a>(tables: &'a [SealedTable], table: &str) -> Result<&'a SealedTable, Error> {
    let found = tables.iter().find(|known| known.table == table);
    let found =
        found.ok_or_else(|| Error::internal(format!("{table} is registered by no module")))?;
    if found.subject != found.id || found.scope != Scope::Organization || !found.is_sealed() {
        return Err(Error::internal(format!(
            "a row of {table} is no person of an organization"
        )));
    }
    Ok(found)
}

/// The statement: after the record come `$12` the person's id and `$13` the time. `only` limits it further, beginning with
/// ` AND `.
///
/// What describes somebody is found by its subject's id, whatever its table: ids are unique among all of them. The keys go
/// last, once every row is held: until then, somebody may be giving a row another one.
pub(crate) fn text(person: &SealedTable, tables: &[SealedTable], only: &str) -> String {
    let (id, record) = (FIRST, placeholders(1, WIDTH));
    let mut clauses = format!(
        r"
            person AS (
                SELECT *
                FROM {} t
                WHERE id = ${id} AND organization_id = $3{only}
                FOR UPDATE
            )
        ",
        person.table
    );
    let mut erased = Vec::new();
    for (number, table) in describing(person, tables).enumerate() {
        let (name, resource) = (table.table, table.resource);
        let which = format!("t.{} = person.id AND t.organization_id = $3", table.subject);

        // Names come from the code at compile time; no value is part of the text.
        let clause = match table.erasure {
            // Without a sealed value there is nothing to empty.
            Erasure::Empty if !table.is_sealed() => continue,
            Erasure::Delete => {
                format!(
                    r"
                        DELETE FROM {name} t
                        USING person
                        WHERE {which}
                        RETURNING t.id
                    "
                )
            }
            Erasure::Empty => format!(
                r"
                    UPDATE {name} t
                    SET {}
                    FROM person
                    WHERE {which} AND t.data_key IS NOT NULL
                    RETURNING t.id
                ",
                emptied(table)
            ),
        };

        // Infallible: it writes to a string.
        let _ = write!(clauses, ", gone_{number} AS ({clause})");
        erased.push(format!(
            "SELECT '{resource}' AS resource, id FROM gone_{number}"
        ));
    }

    format!(
        r"
            WITH {clauses},
            rows AS ({erased}),
            counted AS (SELECT count(*) AS rows FROM rows),
            told AS (
                SELECT mainstay.destroy_data_keys_of(person.id, $3) AS keys, counted.rows,
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
                FROM told
                WHERE keys > 0 OR rows > 0
            )
            SELECT keys, rows, ARRAY(SELECT id FROM rows)
            FROM told
        ",
        now = FIRST + 1,
        erased = erased.join(" UNION ALL "),
    )
}

/// The assignments that leave nothing of a person in a row. Sealed values become empty, which every such column may be.
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
