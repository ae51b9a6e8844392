//! Creates databases by name, and plans statements. It is the only module of the tests that builds
//! SQL text: neither a name nor a statement can be bound.

use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay::Platform;
use mainstay_database::{DatabaseUrl, Owner};
use mainstay_devdb::Connection;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

/// Creates a database and migrates it, as the `migrate` command does.
pub(crate) async fn migrated(connection: &Connection, platform: &Platform) -> String {
    let name = new_name("template");
    run(connection, [format!("CREATE DATABASE {name}")]).await;

    let url = DatabaseUrl::parse(&connection.url(&connection.owner, &name))
        .expect("a URL from devdb is valid");
    let mut owner = Owner::connect(&url).await.expect("the owner connects");
    owner
        .migrate(platform.schema())
        .await
        .unwrap_or_else(|error| panic!("the migrations fail: {error:?}"));

    mainstay::declare(platform, &mut owner)
        .await
        .unwrap_or_else(|error| panic!("the declarations are not written: {error:?}"));
    owner.close().await;

    name
}

/// Copies the database `template`. Only the owner and the serving role may connect to the copy.
pub(crate) async fn copy(connection: &Connection, template: &str) -> String {
    let name = new_name("test");
    let server = &connection.server.name;
    run(
        connection,
        [
            format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"),
            format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
            format!("GRANT CONNECT ON DATABASE {name} TO {server}"),
        ],
    )
    .await;

    name
}

/// Drops the trigger that checks audit records against the database's clock: a service with a
/// manual clock would fail it.
pub(crate) async fn drop_clock_guard(connection: &Connection, database: &str) {
    let url = DatabaseUrl::parse(&connection.url(&connection.owner, database))
        .expect("a URL from devdb is valid");
    let mut owner = Owner::connect(&url).await.expect("the owner connects");
    owner
        .run(
            "DROP TRIGGER audit_events_time ON mainstay.audit_events",
            [],
        )
        .await
        .expect("the trigger is dropped");
    owner.close().await;
}

/// A connection of the serving role that makes generic plans.
pub(crate) struct Planner(PgConnection);

impl Planner {
    pub(crate) async fn connect(url: &SecretString) -> Self {
        let mut connection = PgConnection::connect(url.expose_secret())
            .await
            .unwrap_or_else(|error| panic!("the serving role connects: {error}"));
        connection
            .execute("SET plan_cache_mode = force_generic_plan")
            .await
            .expect("the setting is valid");

        Self(connection)
    }

    /// The generic plan of a statement whose parameters have these types.
    pub(crate) async fn explain(&mut self, statement: &str, types: &[String]) -> Value {
        let (mut declared, mut nulls) = (String::new(), String::new());
        if !types.is_empty() {
            declared = format!("({})", types.join(", "));
            nulls = format!("({})", vec!["NULL"; types.len()].join(", "));
        }

        let prepare = format!("PREPARE planned {declared} AS {statement}");
        self.text(prepare).await;

        let explain = format!("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE planned {nulls}");
        let plan = self.text(explain).await.expect("EXPLAIN returns a row");
        self.text("DEALLOCATE planned".to_owned()).await;

        let plans: Value = serde_json::from_str(&plan).expect("the plan is JSON");
        plans[0].clone()
    }

    /// The tables with at least this many rows, as `schema.name`.
    pub(crate) async fn large_tables(&mut self, rows: i64) -> Vec<String> {
        const READ: &str = r"
            SELECT relnamespace::regnamespace || '.' || relname
            FROM pg_class
            WHERE reltuples >= $1
                AND relkind IN ('r', 'p')
        ";

        sqlx::query_scalar(READ)
            .bind(rows)
            .fetch_all(&mut self.0)
            .await
            .expect("the tables are read")
    }

    /// The first column of the first row.
    async fn text(&mut self, statement: String) -> Option<String> {
        let row = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .fetch_optional(&mut self.0)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));

        row.map(|row| row.try_get_unchecked(0).expect("the first column is text"))
    }
}

/// Returns a database name that is unique in this process's cluster and needs no quoting.
fn new_name(kind: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("{kind}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn run<const N: usize>(connection: &Connection, statements: [String; N]) {
    let mut owner = connect(connection)
        .await
        .unwrap_or_else(|error| panic!("the owner connects: {error}"));
    for statement in statements {
        let outcome = owner.execute(AssertSqlSafe(statement.clone())).await;
        outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    owner.close().await.expect("the connection closes");
}

async fn connect(connection: &Connection) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(
        connection
            .url(&connection.owner, &connection.database)
            .expose_secret(),
    )
    .await
}
