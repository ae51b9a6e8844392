//! Query plans: planning a page takes longer than reading it, so Postgres must plan each statement
//! once.

use mainstay::{
    access::BuiltInRole::Owner,
    config::Reader,
    database::{Origin, Owner as Schema, Sql},
    watch::{Settings, Watch},
};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::{create, customer};

/// Postgres makes five custom plans for a prepared statement before it considers a generic one
/// (PostgreSQL manual, PREPARE).
const TRIES: i64 = 5;

#[tokio::test]
async fn statements_get_generic_plans() {
    const PLANNED: &str = r"
        SELECT name, statement, custom_plans, generic_plans
        FROM pg_prepared_statements
    ";

    let app = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "1")
        .start()
        .await;
    let owner = app.actor(Owner).await;

    // Enough rows that the limit affects the plan, with statistics.
    for n in 0..300 {
        create(&owner, customer("Ada", &format!("{n}@example.org"))).await;
    }

    let mut schema = app.owner().await;
    for table in [
        "ANALYZE customers",
        "ANALYZE mainstay.data_keys",
        "ANALYZE mainstay.audit_events",
    ] {
        schema
            .run(table, [])
            .await
            .expect("the owner's statement runs");
    }

    for n in 0..12 {
        let path = create(&owner, customer("Ada", &format!("ada{n}@example.org"))).await;
        owner.get(&path).await.assert_status(200);
        owner
            .patch(&path, json!({ "status": "lead" }))
            .await
            .assert_status(200);
        owner
            .patch(&path, json!({ "full_name": "Bea" }))
            .await
            .assert_status(200);
        owner
            .get(&format!("{path}/personal-data"))
            .await
            .assert_status(200);
        owner.get("/v1/customers?limit=3").await.assert_status(200);
        owner
            .get("/v1/customers?status=lead&sort=oldest")
            .await
            .assert_status(200);

        owner
            .post(
                "/v1/customers/search",
                json!({ "email": "ada1@example.org" }),
            )
            .await
            .assert_status(200);

        owner.get("/v1/audit/events").await.assert_status(200);
        owner.delete(&path).await.assert_status(204);
    }

    let around = around(&app);
    let rows = around
        .upkeep("test", PLANNED, [])
        .await
        .expect("the rows are read");
    let mut often = 0;
    for row in &rows {
        let text: String = row.get(1).expect("the column is text");
        let (custom, generic): (i64, i64) = (
            row.get(2).expect("the count is a number"),
            row.get(3).expect("the count is a number"),
        );
        assert!(custom <= TRIES, "planned {custom} times: {text}");
        often += i64::from(generic > 0);
    }

    assert!(often >= 9, "only {often} statements ran often enough");
}

fn around(app: &TestApp) -> Sql {
    let origin = Origin {
        request: app.runtime().new_id::<Origin>().uuid(),
        operation: "test",
        address: None,
    };
    Sql::unlimited(
        "a connection's statistics are visible to itself only",
        app.database(),
        origin,
        None,
    )
}

/// Compiling a plan (JIT) takes a hundred times as long as running it.
#[tokio::test]
async fn jit_is_off() {
    let app = TestApp::start(fixture::platform()).await;
    let rows = around(&app)
        .upkeep("test", "SHOW jit", [])
        .await
        .expect("the rows are read");

    assert_eq!(
        rows[0].get::<String>(0).expect("the setting is valid"),
        "off"
    );

    let mut session = app
        .database()
        .session(std::time::Duration::from_secs(5))
        .await
        .expect("the client connects");

    let rows = session
        .run("test", "SHOW jit", [])
        .await
        .expect("the rows are read");
    assert_eq!(
        rows[0].get::<String>(0).expect("the setting is valid"),
        "off"
    );
}

/// Number of audit records before the window, and in it.
const OLD: i64 = 300_000;
const RECENT: i64 = 500;

/// Number of the old records that belong to one account.
const OWN: i64 = OLD / 300;

/// Of each `$6` records, one is a reveal by an account and one its sign-in; the others are denials
/// of other accounts.
const WRITE: &str = r"
    INSERT INTO mainstay.audit_events (
        id, occurred_at, organization_id, actor_id, action, operation, resource, resource_id,
        request_id, address
    )
    SELECT (
        lpad(
            to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'
        ) || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19)
    )::uuid, moment, $3, CASE WHEN n % $6 = 0 THEN $4::uuid ELSE gen_random_uuid() END,
        CASE
        n % $6
            WHEN 0 THEN 'customer.revealed'
            WHEN 1 THEN 'authn_login_success'
            ELSE 'authz_fail'
        END, 'test', 'user', CASE WHEN n % $6 = 1 THEN $4::uuid ELSE gen_random_uuid() END,
        gen_random_uuid(), '198.51.100.' || n % 250
    FROM (
        SELECT n, clock_timestamp() - $1::text::interval - n * $2::text::interval AS moment
        FROM generate_series(1, $5) AS n
    ) AS series
";

/// Number of audit records that scans have read so far.
async fn records_read(schema: &mut Schema) -> i64 {
    const READ: &str = r"
        SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
        FROM pg_stat_user_tables
        WHERE relname LIKE 'audit\_events%'
    ";
    schema
        .run("SELECT pg_stat_clear_snapshot()", [])
        .await
        .expect("the rows are read");
    schema.run(READ, []).await.expect("the rows are read")[0]
        .get(0)
        .expect("the column is a number")
}

/// Holds for any size of the log, and for generic plans, since each statement runs often enough.
#[tokio::test]
async fn watch_rules_read_their_window_and_not_the_whole_log() {
    const FLUSH: &str = "SELECT pg_stat_force_next_flush()";
    const LOOKS: i64 = 8;

    // The sealer would read the whole log.
    let builder = TestApp::builder(fixture::platform()).setting("jobs.in_process", "false");
    let app = builder.setting("database.pool_size", "1").start().await;
    let owner = app.actor(Owner).await;
    let (organization, account) = (owner.organization().uuid(), owner.user().uuid());
    let mut schema = app.owner().await;

    schema
        .run("ALTER TABLE mainstay.audit_events DISABLE TRIGGER USER", [])
        .await
        .expect("the owner's statement runs");

    for (ago, apart, count, of) in [
        ("3 hours", "8 seconds", OLD, 300_i64),
        ("1 second", "1 second", RECENT, 3),
    ] {
        let values = [
            ago.into(),
            apart.into(),
            organization.into(),
            account.into(),
            count.into(),
            of.into(),
        ];

        schema
            .run(WRITE, values)
            .await
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    }

    schema
        .run("ANALYZE mainstay.audit_events", [])
        .await
        .expect("the owner's statement runs");

    let (watch, around) = (
        Watch::new(&Settings::read(&mut Reader::new([])), []),
        around(&app),
    );
    let mut counted = Vec::new();
    for looks in [1, LOOKS] {
        for _ in 0..looks {
            watch.look(app.database()).await.expect("the check runs");
        }
        // A connection reports its reads when its next statement ends.
        around
            .upkeep("test", FLUSH, [])
            .await
            .expect("the rows are read");
        around
            .upkeep("test", "SELECT 1", [])
            .await
            .expect("the rows are read");
        counted.push(records_read(&mut schema).await);
    }

    let read = (counted[1] - counted[0]) / LOOKS;

    // Nine rules read the window. The account's habit comes from its records of 30 days, its known
    // networks from its newest thousand.
    assert!(read > RECENT, "{read}: nothing was measured");
    assert!(
        read < 10 * (RECENT + 50) + 2 * OWN + 2_000,
        "each check read {read} of {OLD} records"
    );
}
