//! `migrate` upgrades a database of an earlier release: the platform and the app have separate
//! migration sequences.

use mainstay::kernel::ExposeSecret as _;
use mainstay_database::{DatabaseUrl, Migration, Migrations, Owner, SchemaMigrations, Value};
use mainstay_testing::TestApp;

use crate::{
    databases::Beside,
    program::{finish, program, secrets},
};

/// Rows of the earlier release: one of the platform and one of the app.
const WRITE: [&str; 2] = [
    r"
        INSERT INTO mainstay.organizations (id, name, created_at)
        VALUES ('00000000-0000-7000-8000-0000000000a0', 'Home', '2025-01-01Z')
    ",
    r"
        INSERT INTO customers (
            id, organization_id, full_name, email, status, tags, version, created_at, updated_at
        )
        VALUES (
            gen_random_uuid(), '00000000-0000-7000-8000-0000000000a0', '', '', 'active', '{}', 7,
            '2025-01-01Z', '2025-01-01Z'
        )
    ",
];

/// Both rows, joined.
const KEPT: &str = r"
    SELECT o.name, c.version
    FROM mainstay.organizations o
    JOIN customers c ON c.organization_id = o.id
";

async fn connect(beside: &Beside) -> Owner {
    Owner::connect(&DatabaseUrl::parse(&beside.owner).expect("the URL is valid"))
        .await
        .expect("the owner connects")
}

/// A sequence without its last migration, and that migration's name.
fn all_but_the_last(migrations: &Migrations) -> (Migrations, String) {
    let mut all = migrations.get_migrations().clone();
    all.sort_by_key(Migration::version);
    let last = all.pop().expect("the sequence has a migration");

    (Migrations::new(&all), last.to_string())
}

/// The same sequence with one more migration.
fn with_one_more(migrations: &Migrations) -> Migrations {
    let more = Migration::unapplied(
        "V9000__one_more",
        "ALTER TABLE customers ADD COLUMN more text",
    )
    .expect("the name is present");
    Migrations::new(&[migrations.get_migrations().as_slice(), &[more]].concat())
}

/// The same sequence.
fn same(migrations: &Migrations) -> Migrations {
    Migrations::new(migrations.get_migrations())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_earlier_platform_is_upgraded() {
    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE earlier_platform").await;
    let schema = app.platform().schema();
    let (earlier, last) = all_but_the_last(schema.platform());

    let mut owner = connect(&beside).await;
    owner
        .migrate(&SchemaMigrations::new(earlier, same(schema.app())))
        .await
        .expect("the schema is migrated");

    for statement in WRITE {
        owner.run(statement, []).await.expect("the write succeeds");
    }

    let environment = secrets(beside.server.expose_secret());
    let state = || finish(program(["schema"]).envs(environment.clone()));
    let (code, output) = state();
    assert!(
        code == Some(1) && output.contains("run `migrate`"),
        "{output}"
    );

    let (code, output) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );
    let expected = format!(
        "applied platform {last}\nthe schema is up to date: {}\n",
        app.platform().schema_version()
    );
    assert_eq!((code, output), (Some(0), expected));

    let (code, output) = state();
    assert!(code == Some(0) && output.contains("up to date"), "{output}");

    let kept = owner.run(KEPT, []).await.expect("the row is read");
    assert_eq!(
        (kept[0].get(0).ok(), kept[0].get(1).ok(), kept.len()),
        (Some("Home".to_owned()), Some(7_i64), 1)
    );
}

/// An adopter has migrations when an upgrade of the platform brings more.
#[tokio::test]
async fn migrations_of_the_platform_use_no_numbers_of_the_app() {
    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE two_sequences").await;
    let schema = app.platform().schema();
    let (earlier, last) = all_but_the_last(schema.platform());

    let mut owner = connect(&beside).await;
    let theirs = SchemaMigrations::new(earlier, with_one_more(schema.app()));
    let before = owner
        .migrate(&theirs)
        .await
        .expect("the schema is migrated");
    assert_eq!(before.version, theirs.version());

    let upgraded = SchemaMigrations::new(same(schema.platform()), with_one_more(schema.app()));
    let after = owner
        .migrate(&upgraded)
        .await
        .expect("the schema is migrated");

    assert_eq!(after.applied, [format!("platform {last}")]);
    assert_eq!(after.version, upgraded.version());
    assert_eq!(after.version.app, 9000);
    assert_eq!(
        owner
            .migrate(&upgraded)
            .await
            .expect("the schema is up to date")
            .applied,
        Vec::<String>::new()
    );
}

/// Each sequence has its own history, in its own schema.
#[tokio::test]
async fn each_sequence_has_its_own_history() {
    let app = TestApp::start(fixture::platform()).await;
    let version = app.platform().schema_version();
    let mut owner = app.owner().await;

    for (history, expected) in [
        (
            "SELECT max(version) FROM mainstay.schema_history",
            version.platform,
        ),
        (
            "SELECT max(version) FROM public.refinery_schema_history",
            version.app,
        ),
    ] {
        let rows = owner
            .run(history, Vec::<Value>::new())
            .await
            .expect("the row is read");
        assert_eq!(
            rows[0].get::<i32>(0).expect("the column is a number"),
            expected,
            "{history}"
        );
    }
}
