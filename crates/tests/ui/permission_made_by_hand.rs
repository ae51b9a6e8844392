use mainstay::prelude::*;

permission! {
    /// See notes.
    pub NotesRead = "notes.read", for [Owner];
}

fn by_hand(door: Door<NotesRead>) -> Allowed<NotesRead> {
    Allowed(door)
}

fn main() {}
