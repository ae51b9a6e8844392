//! A migration that meets a lock: it does not keep the traffic behind it waiting, and says what to do.

use mainstay::Platform;
use mainstay_access::BuiltInRole::Agent;
use mainstay_database::{Migration, MigrationError, Migrations, Owner, SchemaMigrations};
use mainstay_testing::TestApp;
use tokio::time::timeout;

use crate::{http::PATIENCE, locks::Locked};

/// The service's migrations, and one of the app that needs the customers for itself alone.
fn with_one_more(platform: &Platform) -> SchemaMigrations {
    let schema = platform.schema();
    let more = Migration::unapplied(
        "V9000__one_more",
        "ALTER TABLE customers ADD COLUMN more text",
    )
    .expect("a name");
    SchemaMigrations::new(
        Migrations::new(schema.platform().get_migrations()),
        Migrations::new(&[schema.app().get_migrations().as_slice(), &[more]].concat()),
    )
}

#[tokio::test]
async fn a_migration_steps_aside_and_comes_back() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let migrations = with_one_more(app.platform());

    let mut locked = Locked::customers_shared(&app).await;
    let mut owner = app.owner().await;
    let migrating = tokio::spawn(async move { owner.migrate(&migrations).await });

    locked.wait_for(1).await;
    // The reader holds a lock that others may share; the migration waits, and they wait behind it, but not for long.
    let answer = timeout(PATIENCE, agent.get("/v1/customers"))
        .await
        .expect("the traffic goes on");

    answer.assert_status(200);
    assert!(!migrating.is_finished(), "it tries again");

    locked.release().await;
    let applied = timeout(PATIENCE, migrating)
        .await
        .expect("it gets its lock")
        .expect("it does not panic");

    assert_eq!(
        applied.expect("it is applied").applied,
        ["app V9000__one_more"]
    );
}

#[tokio::test]
async fn a_migration_that_never_gets_its_lock_says_so_and_leaves_nothing() {
    let app = TestApp::start(fixture::platform()).await;
    let migrations = with_one_more(app.platform());
    let locked = Locked::customers_shared(&app).await;

    let mut owner = app.owner().await;
    let error = owner
        .migrate(&migrations)
        .await
        .expect_err("the lock is never released");

    assert!(matches!(error, MigrationError::Locked(_)), "{error:?}");
    assert!(error.to_string().contains("pg_stat_activity"), "{error}");

    let there = r"
        SELECT count(*)
        FROM information_schema.columns
        WHERE table_name = 'customers' AND column_name = 'more'
    ";
    assert_eq!(
        owner.run(there, []).await.expect("it is asked")[0]
            .get::<i64>(0)
            .expect("a count"),
        0
    );

    // Another migrator is not kept out.
    locked.release().await;

    let mut other: Owner = app.owner().await;
    let applied = timeout(PATIENCE, other.migrate(&migrations))
        .await
        .expect("the migrators' lock is free");

    assert_eq!(applied.expect("it is applied").applied.len(), 1);
}
