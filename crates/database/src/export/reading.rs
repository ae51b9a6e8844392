//! Reads a page of an export: its start, and the exported fields of each row.

use std::collections::BTreeSet;

use mainstay_crypto::{Cell, DataKey};
use mainstay_kernel::Uuid;
use sea_query::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    contents::{Export, ExportedAs, ExportedChange, ExportedEvent, ExportedField, ExportedRow},
    json::{bytes, text},
};
use crate::{
    Cursor, Database, Error, Row, SchemaColumn, Scope, SealedTable, database::StoredDataKey,
    door::uuid,
};

/// The section of the audit log, behind those of the tables.
pub(super) const LOG: i32 = i32::MAX;

/// Maximum number of rows and records per page.
const PAGE: usize = 500;

/// Columns that the platform maintains; their changes are implied by the event.
const HIDDEN: [&str; 4] = ["data_key", "organization_id", "updated_at", "version"];

/// The encrypted content of a cursor.
#[derive(Serialize, Deserialize)]
struct Position {
    section: i32,
    id: Uuid,
}

/// The reading of one page.
pub(super) struct Reading<'a> {
    database: &'a Database,
    /// The owner of the rows that a door reaches.
    owner: Uuid,
    /// The person whose data is read.
    person: Uuid,
    /// The context that cursors are bound to.
    context: String,
    after: Position,
    /// The tables whose rows describe the person. Their positions are the section numbers.
    pub(super) tables: Vec<&'a SealedTable>,
    schema: Vec<SchemaColumn>,
}

impl<'a> Reading<'a> {
    pub(super) async fn start(
        database: &'a Database,
        (owner, person): (Uuid, Uuid),
        context: String,
        tables: Vec<&'a SealedTable>,
        after: Option<&Cursor>,
    ) -> Result<Self, Error> {
        let after = match after {
            Some(cursor) => {
                let opened = database
                    .ring()
                    .open_cursor(context.as_bytes(), &cursor.0)
                    .map_err(|_| Error::Cursor)?;
                serde_json::from_slice(&opened).map_err(|_| Error::Cursor)?
            }
            None => Position {
                section: -1,
                id: Uuid::nil(),
            },
        };

        let names = tables.iter().map(|table| table.table.to_owned()).collect();
        let schema = database.schema(Some(names)).await?;

        Ok(Self {
            database,
            owner,
            person,
            context,
            after,
            tables,
            schema,
        })
    }

    /// The parameters of the statement after the record: person, section and ID to continue after,
    /// and limit.
    pub(super) fn values(&self) -> [Value; 4] {
        let wanted = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        [
            uuid(self.person),
            self.after.section.into(),
            uuid(self.after.id),
            wanted.into(),
        ]
    }

    /// Builds the export from the rows found. Their columns are section, ID, content, and the key's
    /// ID, wrapped form and subject.
    pub(super) fn finish(&self, found: &[Row]) -> Result<Export, Error> {
        if found.is_empty() {
            return Err(Error::NotFound);
        }

        let exported_at = self.database.runtime().clock.now();
        let mut export = Export {
            exported_at,
            rows: Vec::new(),
            events: Vec::new(),
            next: None,
        };

        let mut last = None;
        for (number, row) in found.iter().enumerate() {
            // The row of nulls, which says that the person exists but there are no further rows.
            if row.is_null(0)? {
                break;
            }
            if number == PAGE {
                export.next = Some(self.cursor(&last)?);
                break;
            }

            let position = Position {
                section: row.decode(0)?,
                id: row.decode(1)?,
            };
            let content: Json = row.get(2)?;
            let section = usize::try_from(position.section)
                .ok()
                .and_then(|section| self.tables.get(section).copied());
            let table = section.or_else(|| self.table_of(text(&content, "resource")));
            let owner = self.owner_of(table);
            let opener = Opener {
                reading: self,
                key: self.key_beside(row, owner)?,
                owner,
            };

            match section {
                Some(table) => export.rows.push(opener.row(table, position.id, &content)?),
                None => export
                    .events
                    .push(opener.event(position.id, table, &content)?),
            }

            last = Some(position);
        }

        Ok(export)
    }

    fn cursor(&self, last: &Option<Position>) -> Result<Cursor, Error> {
        let position = serde_json::to_vec(last).map_err(Error::internal)?;
        let random = &self.database.runtime().random;
        Ok(Cursor(self.database.ring().seal_cursor(
            random,
            self.context.as_bytes(),
            &position,
        )))
    }

    /// The table with these rows in the audit log.
    fn table_of(&self, resource: &str) -> Option<&'a SealedTable> {
        let mut tables = self.tables.iter().copied();
        tables.find(|table| table.resource == resource)
    }

    /// What the values of a table are bound to. It is not read from the rows, which could have been
    /// taken from another owner.
    fn owner_of(&self, table: Option<&SealedTable>) -> Uuid {
        match table.map(|table| table.scope) {
            Some(Scope::Person) => self.person,
            _ => self.owner,
        }
    }

    /// The data key selected with a row; `None` if it was destroyed.
    fn key_beside(&self, row: &Row, owner: Uuid) -> Result<Option<DataKey>, Error> {
        if row.is_null(3)? {
            return Ok(None);
        }

        let wrapped = StoredDataKey {
            id: row.decode(3)?,
            bytes: row.decode(4)?,
            subject: row.decode(5)?,
        };

        let opened = self
            .database
            .ring()
            .unwrap(wrapped.id, owner, wrapped.subject, wrapped.bytes);

        opened.map(Some).map_err(|error| {
            Error::internal(format!("cannot unwrap data key {}: {error}", wrapped.id))
        })
    }
}

/// Decrypts the stored values of a row.
struct Opener<'a> {
    reading: &'a Reading<'a>,
    key: Option<DataKey>,
    owner: Uuid,
}

impl Opener<'_> {
    fn row(&self, table: &SealedTable, id: Uuid, content: &Json) -> Result<ExportedRow, Error> {
        let columns: Vec<_> = self
            .reading
            .schema
            .iter()
            .filter(|column| column.table == table.table)
            .collect();

        let purpose = columns
            .first()
            .map(|column| column.purpose.clone())
            .unwrap_or_default();

        let fields = columns
            .into_iter()
            .filter(|column| column.class != "secret")
            .map(|column| {
                let stored = content.get(&column.name).unwrap_or(&Json::Null);
                let (value, shown) = self.open(table, id, &column.name, stored)?;

                let SchemaColumn {
                    name,
                    class,
                    description,
                    ..
                } = column.clone();

                Ok(ExportedField {
                    name,
                    class,
                    description,
                    value,
                    shown,
                })
            });

        Ok(ExportedRow {
            table: table.table,
            purpose,
            id,
            fields: fields.collect::<Result<_, Error>>()?,
        })
    }

    fn event(
        &self,
        id: Uuid,
        table: Option<&SealedTable>,
        content: &Json,
    ) -> Result<ExportedEvent, Error> {
        let text = |name: &str| text(content, name).to_owned();

        let uuid = |name: &str| {
            content
                .get(name)
                .and_then(Json::as_str)
                .and_then(|text| Uuid::try_parse(text).ok())
        };

        let (resource, row) = (text("resource"), uuid("resource_id"));

        let empty = Map::new();
        let side = |name: &str| {
            content
                .get(name)
                .and_then(Json::as_object)
                .unwrap_or(&empty)
        };

        let (before, after) = (side("before"), side("after"));
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let mut changes = Vec::new();

        let is_secret = |name: &str| {
            let mut columns = self
                .reading
                .schema
                .iter()
                .filter(|column| table.is_some_and(|table| table.table == column.table));
            columns.any(|column| column.name == name && column.class == "secret")
        };

        for name in names
            .into_iter()
            .filter(|name| !HIDDEN.contains(&name.as_str()) && !is_secret(name))
        {
            let [old, new] = [before, after].map(|side| side.get(name).unwrap_or(&Json::Null));
            if old == new {
                continue;
            }

            let opened = |value| match table.zip(row) {
                Some((table, row)) => self.open(table, row, name, value),
                None => Ok((value.clone(), ExportedAs::AsStored)),
            };
            let ((before, one), (after, other)) = (opened(old)?, opened(new)?);

            // If one of the values is missing, the other says how they are shown.
            let shown = if old.is_null() { other } else { one };
            changes.push(ExportedChange {
                field: name.clone(),
                before,
                after,
                shown,
            });
        }

        let occurred_at =
            serde_json::from_value(content.get("occurred_at").cloned().unwrap_or_default());

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

    /// The exported form of a value. It is an error if a value cannot be decrypted although its key
    /// exists. If the key was destroyed, the value is lost.
    fn open(
        &self,
        table: &SealedTable,
        row: Uuid,
        name: &str,
        stored: &Json,
    ) -> Result<(Json, ExportedAs), Error> {
        if table.indexes.iter().any(|index| index.column == name) {
            return Ok((Json::Null, ExportedAs::Withheld));
        }
        let Some(sealed) = table.columns.iter().find(|sealed| sealed.column == name) else {
            return Ok((stored.clone(), ExportedAs::AsStored));
        };
        let Some(hexadecimal) = stored.as_str() else {
            return Ok((Json::Null, ExportedAs::Opened));
        };

        let bytes = bytes(hexadecimal)?;

        let fault = |error| {
            Error::internal(format!(
                "cannot decrypt {}.{name} of row {row}: {error}",
                table.table
            ))
        };

        let named = DataKey::named_in(&bytes).map_err(fault)?;
        let Some(key) = self.key.as_ref().filter(|key| key.id() == named) else {
            return Ok((Json::Null, ExportedAs::Destroyed));
        };

        let (table, column) = sealed.bound_to;
        let cell = Cell {
            organization: self.owner,
            table,
            column,
            row,
        };

        let plaintext = key.open(&cell, &bytes).map_err(fault)?;
        // A value that is not text is exported in hexadecimal.
        let value = std::str::from_utf8(&plaintext)
            .map_or_else(|_| hex::encode(&*plaintext), str::to_owned);

        Ok((value.into(), ExportedAs::Opened))
    }
}
