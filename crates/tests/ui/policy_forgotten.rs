use mainstay::prelude::*;

/// List notes.
#[get("/v1/notes")]
async fn list_notes() -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
