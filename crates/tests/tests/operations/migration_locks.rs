//! A migration that waits for a lock: it does not block other statements for long, and says what to
//! do.

use mainstay::Platform;
use mainstay_access::BuiltInRole::Agent;
use mainstay_database::{Migration, MigrationError, Migrations, Owner, SchemaMigrations};
use mainstay_testing::TestApp;
use tokio::time::timeout;

use crate::{http::PATIENCE, table_locks::TableLock};

/// The service's migrations, and one of the app that needs an exclusive lock on the customers.
fn with_one_more(platform: &Platform) -> SchemaMigrations {
    let schema = platform.schema();
    let more = Migration::unapplied(
        "V9000__one_more",
        "ALTER TABLE customers ADD COLUMN more text",
    )
    .expect("the name is present");
    SchemaMigrations::new(
        Migrations::new(schema.platform().get_migrations()),
        Migrations::new(&[schema.app().get_migrations().as_slice(), &[more]].concat()),
    )
}

#[tokio::test]
async fn a_migration_gives_up_its_lock_request_and_retries() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let migrations = with_one_more(app.platform());

    let mut locked = TableLock::customers_shared(&app).await;
    let mut owner = app.owner().await;
    let migrating = tokio::spawn(async move { owner.migrate(&migrations).await });

    locked.wait_for(1).await;
    // The reader holds a shared lock; the migration waits for it, and others wait behind the
    // migration, but not for long.
    let answer = timeout(PATIENCE, agent.get("/v1/customers"))
        .await
        .expect("other statements continue");

    answer.assert_status(200);
    assert!(!migrating.is_finished(), "the migration retries");

    locked.release().await;
    let applied = timeout(PATIENCE, migrating)
        .await
        .expect("the migration gets its lock")
        .expect("the task does not panic");

    assert_eq!(
        applied.expect("the migration is applied").applied,
        ["app V9000__one_more"]
    );
}

#[tokio::test]
async fn a_migration_that_never_gets_its_lock_fails_and_changes_nothing() {
    let app = TestApp::start(fixture::platform()).await;
    let migrations = with_one_more(app.platform());
    let locked = TableLock::customers_shared(&app).await;

    let mut owner = app.owner().await;
    let error = owner
        .migrate(&migrations)
        .await
        .expect_err("the lock is never released");

    assert!(matches!(error, MigrationError::Locked(_)), "{error:?}");
    assert!(error.to_string().contains("pg_stat_activity"), "{error}");

    let exists = r"
        SELECT count(*)
        FROM information_schema.columns
        WHERE table_name = 'customers' AND column_name = 'more'
    ";
    assert_eq!(
        owner.run(exists, []).await.expect("the rows are read")[0]
            .get::<i64>(0)
            .expect("the count is a number"),
        0
    );

    // Another migrator can run.
    locked.release().await;

    let mut other: Owner = app.owner().await;
    let applied = timeout(PATIENCE, other.migrate(&migrations))
        .await
        .expect("the migration lock is free");

    assert_eq!(applied.expect("the migration is applied").applied.len(), 1);
}
