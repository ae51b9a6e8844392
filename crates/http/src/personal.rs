//! What is told of a person, and of their erasure: the same for every kind of person that an app knows.

use mainstay_database::{
    Cursor, Erased, Export, ExportedChange, ExportedEvent, ExportedField, ExportedRow, Shown,
};
use mainstay_kernel::{Timestamp, Uuid};
use serde_json::Value;

use crate::{choice, input, view};

/// The version of the format: a reader that knows this one can read whatever calls itself so.
const FORMAT: &str = "mainstay.personal-data/1";

/// Which page of an export.
#[input]
pub struct ExportPage {
    /// Where to go on: the `next_cursor` of the page before.
    pub cursor: Option<Cursor>,
}

/// All that is known of a person, page by page.
#[view]
pub struct ExportView {
    /// The format and its version.
    format: String,
    /// When this page was made.
    exported_at: Timestamp,
    /// The rows that describe the person.
    rows: Vec<ExportedRowView>,
    /// What was done to these rows, oldest first.
    history: Vec<ExportedEventView>,
    /// Pass it as `cursor` to go on; null on the last page. Nothing is left out unless this says so.
    next_cursor: Option<Cursor>,
}

/// A row that describes the person.
#[view]
pub struct ExportedRowView {
    /// Where it stands.
    table: String,
    /// What the table is for.
    purpose: String,
    /// Which row.
    row: Uuid,
    /// Its columns, but those that hold secrets of the service.
    fields: Vec<ExportedFieldView>,
}

/// What is known in one column.
#[view]
pub struct ExportedFieldView {
    /// The column.
    name: String,
    /// `public`, `internal` or `personal`.
    class: String,
    /// What it is for.
    description: String,
    /// What it holds.
    value: Value,
    /// How it is shown.
    shown: ShownAs,
}

/// How a value is shown.
#[choice]
pub enum ShownAs {
    /// As it is stored.
    AsStored,
    /// It is stored sealed, and was opened.
    Opened,
    /// It is only an index of another field; null stands in its place.
    Withheld,
    /// The key that opened it was destroyed; null stands in its place.
    Destroyed,
}

/// Something that was done to one of the rows.
#[view]
pub struct ExportedEventView {
    /// The record in the audit log.
    event: Uuid,
    /// When.
    occurred_at: Timestamp,
    /// What, such as `customer.revealed`.
    action: String,
    /// By which operation.
    operation: String,
    /// By which account.
    actor_id: Option<Uuid>,
    /// The kind of row.
    resource: String,
    /// Which row.
    row: Option<Uuid>,
    /// What it changed.
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
    /// How the two are shown.
    shown: ShownAs,
}

/// What an erasure destroyed.
#[view]
pub struct ErasureView {
    /// Keys: whatever they sealed is unreadable, wherever it stands.
    destroyed_keys: i64,
    /// Rows that were emptied or deleted.
    erased_rows: i64,
    /// Whether there was nothing left to erase, since it had been done before.
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

    let changes = changes.collect();

    ExportedEventView {
        event: id,
        occurred_at,
        action,
        operation,
        actor_id: actor,
        resource,
        row,
        changes,
    }
}

impl From<Shown> for ShownAs {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::AsStored => Self::AsStored,
            Shown::Opened => Self::Opened,
            Shown::Withheld => Self::Withheld,
            Shown::Destroyed => Self::Destroyed,
        }
    }
}
