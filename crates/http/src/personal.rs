//! Views of a person's data export and of their erasure, the same for every kind of person in an
//! app.

use mainstay_database::{
    Cursor, Erased, Export, ExportedAs, ExportedChange, ExportedEvent, ExportedField, ExportedRow,
};
use mainstay_kernel::{Timestamp, Uuid};
use serde_json::Value;

use crate::{choice, input, view};

/// The name and version of the format. It changes when readers of the old format could not read the
/// new one.
const FORMAT: &str = "mainstay.personal-data/1";

/// The page of an export.
#[input]
pub struct ExportPage {
    /// The `next_cursor` of the previous page.
    pub cursor: Option<Cursor>,
}

/// All data about a person, page by page.
#[view]
pub struct ExportView {
    /// The format and its version.
    format: String,
    /// When this page was created.
    exported_at: Timestamp,
    /// The rows about the person.
    rows: Vec<ExportedRowView>,
    /// The events on these rows, oldest first.
    history: Vec<ExportedEventView>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    next_cursor: Option<Cursor>,
}

/// A row about the person.
#[view]
pub struct ExportedRowView {
    /// The table.
    table: String,
    /// What the table is for.
    purpose: String,
    /// The id of the row.
    row: Uuid,
    /// Its columns, except secrets of the service.
    fields: Vec<ExportedFieldView>,
}

/// The value of one column.
#[view]
pub struct ExportedFieldView {
    /// The column.
    name: String,
    /// `public`, `internal` or `personal`.
    class: String,
    /// What it is for.
    description: String,
    /// Its value.
    value: Value,
    /// How it is shown.
    shown: ShownAs,
}

/// How a value is shown.
#[choice]
pub enum ShownAs {
    /// As it is stored.
    AsStored,
    /// It is stored encrypted, and shown decrypted.
    Opened,
    /// It is only an index of another field; shown as null.
    Withheld,
    /// Its key was destroyed; shown as null.
    Destroyed,
}

/// An event on one of the rows.
#[view]
pub struct ExportedEventView {
    /// The id of the audit record.
    event: Uuid,
    /// When it happened.
    occurred_at: Timestamp,
    /// What happened, such as `customer.revealed`.
    action: String,
    /// The operation that did it.
    operation: String,
    /// The account that did it.
    actor_id: Option<Uuid>,
    /// The kind of row.
    resource: String,
    /// The id of the row.
    row: Option<Uuid>,
    /// The fields that it changed.
    changes: Vec<ExportedChangeView>,
}

/// A field that was changed.
#[view]
pub struct ExportedChangeView {
    /// The field.
    field: String,
    /// Its value before; null when there was none.
    before: Value,
    /// Its value after; null when there is none.
    after: Value,
    /// How both values are shown.
    shown: ShownAs,
}

/// The result of an erasure.
#[view]
pub struct ErasureView {
    /// Number of destroyed keys. Everything that was encrypted with them is now unreadable, also in
    /// backups.
    destroyed_keys: i64,
    /// Number of rows that were emptied or deleted.
    erased_rows: i64,
    /// Whether there was nothing left to erase, because the person had been erased before.
    was_erased: bool,
}

impl From<Erased> for ErasureView {
    fn from(erased: Erased) -> Self {
        Self {
            destroyed_keys: erased.keys,
            erased_rows: erased.rows,
            was_erased: erased.is_nothing(),
        }
    }
}

impl From<Export> for ExportView {
    fn from(export: Export) -> Self {
        Self {
            format: FORMAT.to_owned(),
            exported_at: export.exported_at,
            rows: export.rows.into_iter().map(row).collect(),
            history: export.events.into_iter().map(event).collect(),
            next_cursor: export.next,
        }
    }
}

fn row(row: ExportedRow) -> ExportedRowView {
    let ExportedRow {
        table,
        purpose,
        id,
        fields,
    } = row;

    ExportedRowView {
        table: table.to_owned(),
        purpose,
        row: id,
        fields: fields.into_iter().map(field).collect(),
    }
}

fn field(field: ExportedField) -> ExportedFieldView {
    let ExportedField {
        name,
        class,
        description,
        value,
        shown,
    } = field;

    ExportedFieldView {
        name,
        class,
        description,
        value,
        shown: shown.into(),
    }
}

fn event(event: ExportedEvent) -> ExportedEventView {
    let ExportedEvent {
        id,
        occurred_at,
        action,
        operation,
        actor,
        resource,
        row,
        changes,
    } = event;

    let changes = changes.into_iter().map(|change| {
        let ExportedChange {
            field,
            before,
            after,
            shown,
        } = change;

        ExportedChangeView {
            field,
            before,
            after,
            shown: shown.into(),
        }
    });

    ExportedEventView {
        event: id,
        occurred_at,
        action,
        operation,
        actor_id: actor,
        resource,
        row,
        changes: changes.collect(),
    }
}

impl From<ExportedAs> for ShownAs {
    fn from(shown: ExportedAs) -> Self {
        match shown {
            ExportedAs::AsStored => Self::AsStored,
            ExportedAs::Opened => Self::Opened,
            ExportedAs::Withheld => Self::Withheld,
            ExportedAs::Destroyed => Self::Destroyed,
        }
    }
}
