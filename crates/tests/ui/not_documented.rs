use mainstay::prelude::*;

#[get("/v1/notes")]
async fn list_notes(_by: SignedIn) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
