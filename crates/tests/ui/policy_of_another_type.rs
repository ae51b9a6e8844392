use mainstay::prelude::*;

struct Administrator;

/// List notes.
#[get("/v1/notes")]
async fn list_notes(_by: Administrator) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
