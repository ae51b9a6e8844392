use mainstay::prelude::*;

struct Colour(u32);

#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
struct NoteRow {
    id: Id<NoteRow>,
    colour: Colour,
}

fn main() {}
