use mainstay::prelude::*;

/// List notes.
#[get("/v1/notes")]
async fn list_notes(_by: SignedIn, _limit: u32) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
