use mainstay::prelude::*;

async fn list_notes(_by: SignedIn) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn main() {
    Module::new("notes").endpoints((list_notes,));
}
