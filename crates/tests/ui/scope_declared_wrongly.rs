use mainstay::prelude::*;

permission! {
    /// Change notes.
    pub NotesWrite = "notes.write", for [Owner];
}

#[derive(Entity)]
#[entity(table = "notes", resource = "note", scope = team)]
struct OfATeam {
    id: Id<OfATeam>,
}

#[derive(Entity)]
#[entity(table = "notes", resource = "note", write = NotesWrite)]
struct WrittenByPermission {
    id: Id<WrittenByPermission>,
}

#[derive(Entity)]
#[entity(table = "notes", resource = "note", public = "published_at IS NOT NULL) OR (true")]
struct PublicByAccident {
    id: Id<PublicByAccident>,
}

#[derive(Entity)]
#[entity(table = "notes", resource = "note", scope = person)]
struct WithOwner {
    id: Id<WithOwner>,
    user_id: UserId,
}

fn main() {}
