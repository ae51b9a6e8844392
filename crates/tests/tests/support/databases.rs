//! Extra databases on the app's Postgres, for example to restore a dump or to migrate an older
//! schema.

use mainstay::kernel::{ExposeSecret as _, SecretString};
use mainstay_testing::TestApp;

/// An empty database next to the app's, with the URLs of its two roles.
pub struct Beside {
    pub owner: SecretString,
    pub server: SecretString,
}

impl Beside {
    /// Creates the database with `create`, a `CREATE DATABASE` statement.
    pub async fn make(app: &TestApp, create: &'static str) -> Self {
        let name = create
            .strip_prefix("CREATE DATABASE ")
            .expect("the statement creates a database");
        let mut owner = app.owner().await;
        owner
            .run(create, [])
            .await
            .expect("the owner may create databases");

        let rows = owner
            .run("SELECT current_database()::text", [])
            .await
            .expect("the statement has a name");
        let live: String = rows[0].get(0).expect("the name is text");
        let url_of = |url: SecretString| {
            url.expose_secret()
                .replace(&format!("/{live}?"), &format!("/{name}?"))
                .into()
        };

        Self {
            owner: url_of(app.owner_url()),
            server: url_of(app.database_url()),
        }
    }
}
