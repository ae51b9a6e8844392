use mainstay_database::{Database, Error, Origin, Unscoped, Uuid};

/// Deletes invitations that have run out, and the keys to their addresses.
pub(crate) async fn clear_invitations(database: Database) -> Result<(), Error> {
    const CLEAR: &str = "WITH gone AS (DELETE FROM invitations WHERE expires_at <= $1 RETURNING data_key) \
         DELETE FROM data_keys k USING gone WHERE k.id = gone.data_key";
    let origin = Origin { request: Uuid::nil(), operation: "clear_invitations", address: None };
    let upkeep = Unscoped::because("invitations of all organizations run out", &database, origin, None);
    let now = database.runtime().clock.now();
    upkeep.upkeep("invitations.clear", CLEAR, [now.inner().into()]).await.map(drop)
}
