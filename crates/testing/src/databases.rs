//! Creates databases by name. It is the only module of the tests that builds SQL text: a name
//! cannot be bound.

use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay::Platform;
use mainstay_database::{DatabaseUrl, Owner};
use mainstay_devdb::Connection;
use mainstay_kernel::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

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
