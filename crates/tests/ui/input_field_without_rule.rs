use mainstay::prelude::*;

#[input]
struct CreateNote {
    text: String,
    stars: Patch<Option<u8>>,
    pinned: bool,
    #[garde(length(chars, max = 20))]
    title: Patch<Option<String>>,
}

fn main() {}
