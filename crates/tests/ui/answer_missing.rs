use mainstay::prelude::*;

/// Forget notes.
#[delete("/v1/notes")]
async fn forget_notes(_by: SignedIn) {}

fn main() {}
