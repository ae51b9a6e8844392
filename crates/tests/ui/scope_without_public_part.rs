use mainstay::prelude::*;

#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
struct NoteRow {
    id: Id<NoteRow>,
    title: String,
}

async fn read(by: Public, id: Id<NoteRow>) -> Result<NoteRow, DatabaseError> {
    by.get(id).await
}

fn main() {}
