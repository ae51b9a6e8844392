//! The statements that the connection of a service has run, as Postgres counts them.

use std::collections::BTreeMap;

use mainstay_database::{FromRow, Origin, Sql};

use crate::TestApp;

/// Every statement of the platform is prepared once per connection and then planned for each run,
/// with a custom or a generic plan.
const READ: &str = r"
    SELECT name, statement, parameter_types::text[] AS types,
        custom_plans + generic_plans AS times
    FROM pg_prepared_statements
    WHERE statement NOT LIKE '%pg_prepared_statements%'
";

/// Reads the statements of the only connection in the pool of an app.
pub(super) struct Statements {
    around: Sql,
}

/// A statement, and how often it ran.
#[derive(Clone, FromRow)]
pub(super) struct Ran {
    name: String,
    pub(super) statement: String,
    /// The types of its parameters.
    pub(super) types: Vec<String>,
    pub(super) times: i64,
}

impl Statements {
    pub(super) fn of(app: &TestApp) -> Self {
        let origin = Origin {
            request: app.runtime().new_id::<Origin>().uuid(),
            operation: "test",
            address: None,
        };

        Self {
            around: Sql::unlimited(
                "a connection's statements are visible to itself only",
                app.database(),
                origin,
                None,
            ),
        }
    }

    /// All statements of the connection by their names.
    pub(super) async fn read(&self) -> BTreeMap<String, Ran> {
        let rows: Vec<Ran> = self
            .around
            .query("sweep.statements", READ, [])
            .await
            .expect("the statements are read");

        rows.into_iter().map(|it| (it.name.clone(), it)).collect()
    }

    /// What has run since, by text.
    pub(super) async fn since(&self, before: &BTreeMap<String, Ran>) -> BTreeMap<String, Ran> {
        let now = self.read().await.into_values();
        let newly = now.map(|mut ran| {
            ran.times -= before.get(&ran.name).map_or(0, |earlier| earlier.times);
            ran
        });

        newly
            .filter(|ran| ran.times > 0)
            .map(|ran| (ran.statement.clone(), ran))
            .collect()
    }
}

/// The beginning of a statement, on one line.
pub(super) fn in_short(text: &str) -> String {
    const LENGTH: usize = 300;
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(LENGTH).collect()
}
