use mainstay::{database::Row, prelude::*};

personal_text! {
    /// A text.
    pub Text, 1..=20 characters, shown as personal::hidden;
}

#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
struct NoteRow {
    id: Id<NoteRow>,
    text: Sealed<Text>,
    due: Option<Timestamp>,
}

fn read(row: &Row) -> Result<Sealed<Text>, DatabaseError> {
    row.get(0)
}

fn same(text: Sealed<Text>) -> Filter<NoteRow> {
    Filter::all().equal(NoteRow::TEXT, Some(text))
}

fn due() -> Filter<NoteRow> {
    Filter::all().at_least(NoteRow::DUE, Some(None))
}

fn main() {}
