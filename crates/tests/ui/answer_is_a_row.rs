use mainstay::prelude::*;

#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
struct NoteRow {
    id: Id<NoteRow>,
    text: String,
}

permission! {
    /// See notes.
    pub NotesRead = "notes.read", for [Owner];
}

/// Show a note.
#[get("/v1/notes/{id}")]
async fn get_note(
    by: Allowed<NotesRead>,
    Path(id): Path<Id<NoteRow>>,
) -> Result<Json<NoteRow>, Problem> {
    Ok(Json(by.get(id).await?))
}

fn main() {}
