use mainstay::prelude::*;

#[derive(Debug)]
struct ListNotes {
    _limit: u32,
}

/// List notes.
#[get("/v1/notes")]
async fn list_notes(_by: SignedIn, Query(_query): Query<ListNotes>) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {}
