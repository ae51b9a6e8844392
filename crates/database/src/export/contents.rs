//! The contents of an export: rows, their fields, and the audit records about them.

use mainstay_kernel::{Timestamp, Uuid};
use serde_json::Value as Json;

use crate::Cursor;

/// One page of an export.
#[derive(Clone, Debug)]
pub struct Export {
    /// Time of the export.
    pub exported_at: Timestamp,
    /// The rows that describe the person, table by table.
    pub rows: Vec<ExportedRow>,
    /// The audit records about these rows, oldest first.
    pub events: Vec<ExportedEvent>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<Cursor>,
}

/// A row that describes the person.
#[derive(Clone, Debug)]
pub struct ExportedRow {
    /// Name of the table.
    pub table: &'static str,
    /// Purpose of the table.
    pub purpose: String,
    /// ID of the row.
    pub id: Uuid,
    /// The columns of the row, except secrets of the service.
    pub fields: Vec<ExportedField>,
}

/// A column of a row and its value.
#[derive(Clone, Debug)]
pub struct ExportedField {
    /// Name of the column.
    pub name: String,
    /// `public`, `internal` or `personal`.
    pub class: String,
    /// Purpose of the column.
    pub description: String,
    /// The value; sealed values are decrypted.
    pub value: Json,
    /// How the value is exported.
    pub shown: ExportedAs,
}

/// How a value is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportedAs {
    /// As stored in the database.
    AsStored,
    /// Decrypted.
    Opened,
    /// Replaced by null, because it is a blind index, which is derived from another column.
    Withheld,
    /// Replaced by null, because its key was destroyed.
    Destroyed,
}

/// An audit record about one of the rows. Address and session are left out: they are personal data
/// of the actor.
#[derive(Clone, Debug)]
pub struct ExportedEvent {
    /// ID of the record.
    pub id: Uuid,
    /// Time of the event.
    pub occurred_at: Timestamp,
    /// Kind of event.
    pub action: String,
    /// API operation or operator command.
    pub operation: String,
    /// Account that acted.
    pub actor: Option<Uuid>,
    /// Kind of row.
    pub resource: String,
    /// ID of the row.
    pub row: Option<Uuid>,
    /// The changed fields.
    pub changes: Vec<ExportedChange>,
}

/// A field that an event changed.
#[derive(Clone, Debug)]
pub struct ExportedChange {
    /// Name of the field.
    pub field: String,
    /// Value before the event.
    pub before: Json,
    /// Value after the event.
    pub after: Json,
    /// How the values are exported.
    pub shown: ExportedAs,
}
