//! Databases beside the app's, on the same Postgres: for a dump to be restored into, for an older schema.

use mainstay::kernel::{ExposeSecret as _, SecretString};
use mainstay_testing::TestApp;

/// A database beside the app's, empty as it is made, and how its two roles reach it.
pub struct Beside {
    pub owner: SecretString,
    pub server: SecretString,
}

impl Beside {
    /// Makes it: `create` is `CREATE DATABASE` and its name.
    pub async fn make(app: &TestApp, create: &'static str) -> Self {
        let name = create
            .strip_prefix("CREATE DATABASE ")
            .expect("it makes a database");
        let mut owner = app.owner().await;
        owner
            .run(create, [])
            .await
            .expect("the owner makes databases");

        let rows = owner
            .run("SELECT current_database()::text", [])
            .await
            .expect("it has a name");
        let live: String = rows[0].get(0).expect("a text");
        let there = |url: SecretString| {
            url.expose_secret()
                .replace(&format!("/{live}?"), &format!("/{name}?"))
                .into()
        };

        Self {
            owner: there(app.owner_url()),
            server: there(app.database_url()),
        }
    }
}
