use mainstay::prelude::*;

#[input]
struct CreateNote {
    text: String,
}

fn main() {}
