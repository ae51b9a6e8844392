use mainstay::prelude::*;

#[view]
struct PersonView {
    email: Sealed<EmailAddress>,
}

fn main() {}
