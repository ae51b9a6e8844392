use mainstay::prelude::*;

permission! {
    /// Change the catalog.
    pub CatalogWrite = "catalog.write", for [Owner];
    /// Change notes.
    pub NotesWrite = "notes.write", for [Owner];
}

#[derive(Entity)]
#[entity(table = "countries", resource = "country", scope = platform, write = CatalogWrite)]
struct CountryRow {
    id: Id<CountryRow>,
    name: String,
}

async fn add(by: Allowed<NotesWrite>, row: &CountryRow) -> Result<(), DatabaseError> {
    by.insert(row).await
}

async fn add_by_anyone_signed_in(by: SignedIn, row: &CountryRow) -> Result<(), DatabaseError> {
    by.insert(row).await
}

fn main() {}
