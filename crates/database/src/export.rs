//! Export: all that is known of one person, page by page, on record (GDPR Articles 15 and 20).

use std::{collections::BTreeSet, fmt::Write as _};

use mainstay_access::Permission;
use mainstay_crypto::{Cell, DataKey};
use mainstay_kernel::{Id, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{
    Cursor, Door, Entity, Error, Row, SchemaColumn, SealedTable,
    audit::{COLUMNS, WIDTH, placeholders},
    database::WrappedKey,
    door::{texts, uuid},
    erasure::{describing, person},
    statement::Statement,
    texts::FIRST,
};

/// Rows and records a page at most.
const PAGE: usize = 500;

/// Where the audit log stands behind the tables.
const LOG: i32 = i32::MAX;

/// What the log keeps of a row that follows from the event itself, or would tell nothing.
const HIDDEN: [&str; 4] = ["data_key", "organization_id", "updated_at", "version"];

/// One page of what is known of a person.
#[derive(Clone, Debug)]
pub struct Export {
    /// When it was made.
    pub exported_at: Timestamp,
    /// The rows that describe the person, table by table.
    pub rows: Vec<ExportedRow>,
    /// What was done to these rows, in the order of time.
    pub events: Vec<ExportedEvent>,
    /// Where the next page starts; `None` on the last: nothing is left out unless this says so.
    pub next: Option<Cursor>,
}

/// A row that describes the person.
#[derive(Clone, Debug)]
pub struct ExportedRow {
    /// Its table.
    pub table: &'static str,
    /// What the table is for.
    pub purpose: String,
    /// Which row.
    pub id: Uuid,
    /// Its columns, but those that hold secrets of the service.
    pub fields: Vec<ExportedField>,
}

/// A column of a row, and what it holds.
#[derive(Clone, Debug)]
pub struct ExportedField {
    /// Its name.
    pub name: String,
    /// `public`, `internal` or `personal`.
    pub class: String,
    /// What it is for.
    pub description: String,
    /// What it holds, sealed values opened.
    pub value: Json,
    /// How the value is shown.
    pub shown: Shown,
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it stands in the database.
    AsStored,
    /// It is sealed, and was opened.
    Opened,
    /// It is a blind index, derived from another column and of use to nobody: null stands in its place.
    Withheld,
    /// It is sealed, and its key is gone: null stands in its place.
    Destroyed,
}

/// A record of the audit log about one of the rows. From where it was done and in which session is not told: that is the
/// personal data of whoever did it.
#[derive(Clone, Debug)]
pub struct ExportedEvent {
    /// The record.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What was done.
    pub action: String,
    /// The operation or command that did it.
    pub operation: String,
    /// The account that did it.
    pub actor: Option<Uuid>,
    /// The kind of row.
    pub resource: String,
    /// The row.
    pub row: Option<Uuid>,
    /// What the event changed.
    pub changes: Vec<ExportedChange>,
}

/// A field that an event changed.
#[derive(Clone, Debug)]
pub struct ExportedChange {
    /// Its name.
    pub field: String,
    /// Its value before.
    pub before: Json,
    /// Its value after.
    pub after: Json,
    /// How the two are shown.
    pub shown: Shown,
}

/// What a cursor holds under its seal.
#[derive(Serialize, Deserialize)]
struct Position {
    section: i32,
    id: Uuid,
}

impl<P: Permission> Door<P> {
    /// All that is known of a person: each registered row that describes them with every column that holds no secret,
    /// sealed values opened, and the audit log about those rows. The statement that reads it records `<resource>.exported`,
    /// for each page.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row, it is another organization's, or its person was erased;
    /// [`Error::Cursor`] when the cursor was not made for this person; [`Error::Internal`] as for
    /// [`erase`](Self::erase).
    pub async fn export<E: Entity>(&self, id: Id<E>, after: Option<&Cursor>) -> Result<Export, Error> {
        let tables = self.database().sealed_tables();
        let person = person(tables, E::TABLE)?;
        let ring = self.database().ring();
        let context = format!("export {} {} {id}", self.organization(), E::TABLE);
        let after = match after {
            Some(cursor) => {
                let opened = ring.open_cursor(context.as_bytes(), &cursor.0).map_err(|_| Error::Cursor)?;
                serde_json::from_slice(&opened).map_err(|_| Error::Cursor)?
            }
            None => Position { section: -1, id: Uuid::nil() },
        };
        let schema = self.database().schema(Some(tables.iter().map(|table| table.table.to_owned()).collect())).await?;
        let mut values = self.record::<E>("exported", id);
        let wanted = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        values.extend([uuid(id.uuid()), after.section.into(), uuid(after.id), wanted.into()]);
        let statement = Statement::new(texts::<E>().names.export, text(person, tables), values);
        let found = self.write(statement).await?;
        if found.is_empty() {
            return Err(Error::NotFound);
        }
        let mut export =
            Export { exported_at: self.runtime().clock.now(), rows: Vec::new(), events: Vec::new(), next: None };
        let mut last = None;
        for (number, row) in found.iter().enumerate() {
            if row.is_null(0)? {
                break;
            }
            if number == PAGE {
                let position = serde_json::to_vec(&last).map_err(Error::internal)?;
                export.next = Some(Cursor(ring.seal_cursor(&self.runtime().random, context.as_bytes(), &position)));
                break;
            }
            let position = Position { section: row.decode(0)?, id: row.decode(1)? };
            let opener = Opener { door: self, key: self.key_beside(row)?, tables, schema: &schema };
            match usize::try_from(position.section).ok().and_then(|section| describing(person, tables).nth(section)) {
                Some(table) => export.rows.push(opener.row(table, position.id, &row.get(2)?)?),
                None => export.events.push(opener.event(position.id, &row.get(2)?)?),
            }
            last = Some(position);
        }
        Ok(export)
    }

    /// The key that was selected with a row, where it still stands.
    fn key_beside(&self, row: &Row) -> Result<Option<DataKey>, Error> {
        if row.is_null(3)? {
            return Ok(None);
        }
        let wrapped = WrappedKey { id: row.decode(3)?, bytes: row.decode(4)?, subject: row.decode(5)? };
        let ring = self.database().ring();
        let opened = ring.unwrap(wrapped.id, self.organization(), wrapped.subject, wrapped.bytes);
        opened.map(Some).map_err(|error| Error::internal(format!("data key {} does not unwrap: {error}", wrapped.id)))
    }
}

/// The statement: after the record come `$12` the person's id, `$13` and `$14` the section and id to go on after, and
/// `$15` how many. When there is nothing to go on with, one row of nulls says that there is such a person.
fn text(person: &SealedTable, tables: &[SealedTable]) -> String {
    let (id, section, after, limit) = (FIRST, FIRST + 1, FIRST + 2, FIRST + 3);
    let record = placeholders(1, WIDTH);
    let (mut rows, mut ids) = (String::new(), Vec::new());
    for (number, table) in describing(person, tables).enumerate() {
        let (name, subject) = (table.table, table.subject);
        let which = format!("FROM {name} t JOIN person ON t.{subject} = person.id AND t.organization_id = $3");
        let key = if table.is_sealed() { "k.id = t.data_key" } else { "false" };
        // Infallible: it writes to a string. Names come from the code at compile time; no value is part of the text.
        let _ = write!(
            rows,
            "SELECT {number} AS section, t.id, to_jsonb(t) AS content, k.id AS key, k.wrapped, k.subject_id \
             {which} LEFT JOIN data_keys k ON {key} UNION ALL "
        );
        ids.push(format!("SELECT t.id {which}"));
    }
    format!(
        "WITH person AS (SELECT id FROM {table} WHERE id = ${id} AND organization_id = $3 AND data_key IS NOT NULL), \
         recorded AS (INSERT INTO audit_events ({COLUMNS}) SELECT {record} FROM person), \
         known AS ({rows}\
             SELECT {LOG}, e.id, to_jsonb(e), k.id, k.wrapped, k.subject_id FROM audit_events e JOIN person ON true \
             LEFT JOIN data_keys k ON k.subject_id = person.id AND k.organization_id = $3 \
                 AND k.id = coalesce(e.after ->> 'data_key', e.before ->> 'data_key')::bigint \
             WHERE e.organization_id = $3 AND e.resource_id IN ({ids})) \
         SELECT known.* FROM person LEFT JOIN \
             (SELECT * FROM known WHERE (section, id) > (${section}, ${after}) ORDER BY section, id LIMIT ${limit}) \
             AS known ON true ORDER BY section, id",
        table = person.table,
        ids = ids.join(" UNION ALL "),
    )
}

/// Turns what stands in the database into what a person may read.
struct Opener<'a, P> {
    door: &'a Door<P>,
    key: Option<DataKey>,
    tables: &'a [SealedTable],
    schema: &'a [SchemaColumn],
}

impl<P: Permission> Opener<'_, P> {
    fn row(&self, table: &SealedTable, id: Uuid, content: &Json) -> Result<ExportedRow, Error> {
        let columns: Vec<_> = self.schema.iter().filter(|column| column.table == table.table).collect();
        let purpose = columns.first().map(|column| column.purpose.clone()).unwrap_or_default();
        let fields = columns.into_iter().filter(|column| column.class != "secret").map(|column| {
            let stored = content.get(&column.name).unwrap_or(&Json::Null);
            let (value, shown) = self.open(table, id, &column.name, stored)?;
            let SchemaColumn { name, class, description, .. } = column.clone();
            Ok(ExportedField { name, class, description, value, shown })
        });
        Ok(ExportedRow { table: table.table, purpose, id, fields: fields.collect::<Result<_, Error>>()? })
    }

    fn event(&self, id: Uuid, content: &Json) -> Result<ExportedEvent, Error> {
        let text = |name: &str| content.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let uuid = |name: &str| content.get(name).and_then(Json::as_str).and_then(|text| Uuid::try_parse(text).ok());
        let (resource, row) = (text("resource"), uuid("resource_id"));
        let table = self.tables.iter().find(|table| table.resource == resource);
        let empty = Map::new();
        let side = |name: &str| content.get(name).and_then(Json::as_object).unwrap_or(&empty);
        let (before, after) = (side("before"), side("after"));
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let mut changes = Vec::new();
        let is_secret = |name: &str| {
            let mut columns =
                self.schema.iter().filter(|column| table.is_some_and(|table| table.table == column.table));
            columns.any(|column| column.name == name && column.class == "secret")
        };
        for name in names.into_iter().filter(|name| !HIDDEN.contains(&name.as_str()) && !is_secret(name)) {
            let [old, new] = [before, after].map(|side| side.get(name).unwrap_or(&Json::Null));
            if old == new {
                continue;
            }
            let opened = |value| match table.zip(row) {
                Some((table, row)) => self.open(table, row, name, value),
                None => Ok((value.clone(), Shown::AsStored)),
            };
            let ((before, one), (after, other)) = (opened(old)?, opened(new)?);
            // Of the two, one may be missing; the other says how it is shown.
            let shown = if old.is_null() { other } else { one };
            changes.push(ExportedChange { field: name.clone(), before, after, shown });
        }
        let occurred_at = serde_json::from_value(content.get("occurred_at").cloned().unwrap_or_default());
        Ok(ExportedEvent {
            id,
            occurred_at: occurred_at.map_err(Error::internal)?,
            action: text("action"),
            operation: text("operation"),
            actor: uuid("actor_id"),
            resource,
            row,
            changes,
        })
    }

    /// A value as it is told. What does not open, although its key stands, is a fault; what was sealed under a key that is
    /// gone, is gone.
    fn open(&self, table: &SealedTable, row: Uuid, name: &str, stored: &Json) -> Result<(Json, Shown), Error> {
        if table.indexes.iter().any(|index| index.column == name) {
            return Ok((Json::Null, Shown::Withheld));
        }
        let Some(sealed) = table.columns.iter().find(|sealed| sealed.column == name) else {
            return Ok((stored.clone(), Shown::AsStored));
        };
        let Some(hexadecimal) = stored.as_str() else { return Ok((Json::Null, Shown::Opened)) };
        let bytes = bytes(hexadecimal)?;
        let fault = |error| Error::internal(format!("{}.{name} of row {row} does not open: {error}", table.table));
        let named = DataKey::named_in(&bytes).map_err(fault)?;
        let Some(key) = self.key.as_ref().filter(|key| key.id() == named) else {
            return Ok((Json::Null, Shown::Destroyed));
        };
        let (table, column) = sealed.bound_to;
        let cell = Cell { organization: self.door.organization(), table, column, row };
        let plaintext = key.open(&cell, &bytes).map_err(fault)?;
        // What is no text is told as it was sealed, in hexadecimal.
        let value = std::str::from_utf8(&plaintext).map_or_else(
            |_| plaintext.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
            str::to_owned,
        );
        Ok((value.into(), Shown::Opened))
    }
}

/// A `bytea` as JSON holds it: `\x0102`.
fn bytes(text: &str) -> Result<Vec<u8>, Error> {
    let wrong = || Error::internal("a sealed column holds no bytes");
    let digits = text.strip_prefix("\\x").filter(|digits| digits.len() % 2 == 0).ok_or_else(wrong)?;
    let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).map(|at| pair(at).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_from_json() {
        assert_eq!(bytes("\\x00ff10").unwrap(), [0, 255, 16]);
        for wrong in ["00", "\\x0", "\\x0g", "\\xéé"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
