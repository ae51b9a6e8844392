use mainstay::prelude::*;

/// List notes.
#[get("/v1/notes")]
async fn list_notes(_by: SignedIn) -> Result<String, Problem> {
    Ok(String::new())
}

fn main() {}
