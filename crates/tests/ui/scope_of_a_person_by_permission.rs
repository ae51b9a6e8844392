use mainstay::prelude::*;

permission! {
    /// See drafts.
    pub DraftsRead = "drafts.read", for [Owner];
}

#[derive(Entity)]
#[entity(table = "drafts", resource = "draft", scope = person)]
struct DraftRow {
    id: Id<DraftRow>,
    title: String,
}

async fn read(by: Allowed<DraftsRead>, id: Id<DraftRow>) -> Result<DraftRow, DatabaseError> {
    by.get(id).await
}

fn main() {}
