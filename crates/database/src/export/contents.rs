//! What an export holds: rows, their fields, and the audit log about them.

use mainstay_kernel::{Timestamp, Uuid};
use serde_json::Value as Json;

use crate::Cursor;

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
    /// How the value is exported.
    pub shown: ExportedAs,
}

/// How a value is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportedAs {
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
    /// How the two are exported.
    pub shown: ExportedAs,
}
