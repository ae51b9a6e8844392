use mainstay::prelude::*;

/// Show a note.
#[get("/v1/notes/{id}")]
async fn get_note(Path(_id): Path<UserId>, _by: SignedIn) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
