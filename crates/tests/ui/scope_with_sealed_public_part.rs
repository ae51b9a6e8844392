use mainstay::prelude::*;

#[derive(Entity)]
#[entity(table = "authors", resource = "author", public = "published_at IS NOT NULL")]
struct AuthorRow {
    id: Id<AuthorRow>,
    email: Sealed<EmailAddress>,
}

fn main() {}
