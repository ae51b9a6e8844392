//! Attempts to alter the audit log: as the serving role, which an attacker in the service would
//! have, and as the schema's owner by mistake (OWASP ASVS 13.2.2, 16.4.2).

use mainstay_access::BuiltInRole::Manager;
use mainstay_database::Owner;
use mainstay_testing::TestApp;
use serde_json::json;

/// SQLSTATE 42501, insufficient_privilege.
const DENIED: &str = "42501";

async fn assert_denied(role: &mut Owner, statement: &'static str) {
    let error = role
        .run(statement, [])
        .await
        .err()
        .unwrap_or_else(|| panic!("{statement}: the statement succeeded"));
    let cause = error.cause().unwrap_or_default();
    assert!(cause.starts_with(DENIED), "{statement}: {error}: {cause}");
}

#[tokio::test]
async fn no_role_changes_recorded_events() {
    let app = TestApp::start(fixture::platform()).await;
    let manager = app.actor(Manager).await;
    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });

    manager.post("/v1/customers", body).await.assert_status(201);

    let before = app.contents().await;
    let alterations = [
        "UPDATE mainstay.audit_events SET actor_id = NULL",
        "DELETE FROM mainstay.audit_events",
        "TRUNCATE mainstay.audit_events",
    ];

    let (mut serving, mut owner) = (app.serving_role().await, app.owner().await);
    for statement in alterations {
        assert_denied(&mut serving, statement).await;
        assert_denied(&mut owner, statement).await;
    }

    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn the_serving_role_owns_nothing_and_changes_no_schema() {
    let app = TestApp::start(fixture::platform()).await;
    let before = app.contents().await;
    let mut serving = app.serving_role().await;
    for statement in [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE mainstay.audit_events",
        "ALTER TABLE mainstay.audit_events DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_events_append_only ON mainstay.audit_events",
        "ALTER TABLE customers ADD COLUMN mine int",
        "SET ROLE mainstay_owner",
        "SET session_replication_role = replica",
        "INSERT INTO mainstay.permissions (name, help) VALUES ('mine', 'mine')",
        "UPDATE mainstay.role_permissions SET permission = 'customers.delete'",
        "INSERT INTO mainstay.roles (id, name) VALUES (gen_random_uuid(), 'mine')",
        "UPDATE mainstay.users SET kind = kind",
        "TRUNCATE mainstay.users CASCADE",
        "UPDATE mainstay.data_keys SET wrapped = wrapped",
        "UPDATE mainstay.schema_history SET version = 0",
        "UPDATE refinery_schema_history SET version = 0",
        "SELECT mainstay.announce_access_change('user', gen_random_uuid())",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY customers TO PROGRAM 'true'",
    ] {
        assert_denied(&mut serving, statement).await;
    }

    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

/// Tries each statement on each table of the log, including partitions: each must be refused for a
/// missing privilege. The last number is the minimum number of tables.
const EACH_TABLE: &str = r"
    DO $$
    DECLARE
        t text;
        c text;
        s text;
        tables int := 0;
    BEGIN
        FOR t, c IN
            SELECT relname, attname
            FROM pg_class
            JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1
            WHERE relnamespace = 'mainstay'::regnamespace
                AND relkind IN ('r', 'p')
                AND relname LIKE 'audit\_%'
        LOOP
            tables := tables + 1;
            FOREACH s IN ARRAY
                ARRAY[
                    'UPDATE mainstay.%1$I SET %2$I = %2$I', 'DELETE FROM mainstay.%1$I', 'TRUNCATE mainstay.%1$I'
                ] || extra()
            LOOP
                BEGIN
                    EXECUTE format(s, t, c);
                    RAISE EXCEPTION 'the statement succeeded: %', format(s, t, c);
                EXCEPTION WHEN insufficient_privilege THEN
                    NULL;
                END;
            END LOOP;
        END LOOP;
        IF tables < 9 THEN
            RAISE EXCEPTION 'only % tables were tried', tables;
        END IF;
    END $$
";

/// The serving role also tries to drop the triggers, and to access partitions directly.
const DDL: &str = r"
    ARRAY[
        'ALTER TABLE mainstay.%1$I DISABLE TRIGGER ALL', 'DROP TABLE mainstay.%1$I',
        'ALTER TABLE mainstay.%1$I ADD COLUMN x int', 'ALTER TABLE mainstay.%1$I ALTER %2$I DROP NOT NULL',
        'ALTER TABLE mainstay.%1$I OWNER TO mainstay_server',
        'ALTER TABLE mainstay.audit_events DETACH PARTITION mainstay.%1$I',
        'CREATE TRIGGER mine BEFORE INSERT ON mainstay.%1$I
            FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change()',
        'CREATE RULE mine AS ON INSERT TO mainstay.%1$I DO INSTEAD NOTHING',
        'CREATE INDEX mine ON mainstay.%1$I (%2$I)', 'LOCK TABLE mainstay.%1$I IN ACCESS EXCLUSIVE MODE'
    ]
";

#[tokio::test]
async fn no_table_of_the_log_can_be_changed_directly() {
    let app = TestApp::start(fixture::platform()).await;
    app.actor(Manager).await;

    let before = app.contents().await;
    let (mut serving, mut owner) = (app.serving_role().await, app.owner().await);
    for (role, extra) in [(&mut serving, DDL), (&mut owner, "'{}'::text[]")] {
        let outcome = role
            .run(
                Box::leak(EACH_TABLE.replace("extra()", extra).into_boxed_str()),
                [],
            )
            .await;
        outcome.unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    }

    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

/// Partitions cannot be read or written directly, and a record's transaction id cannot be chosen.
#[tokio::test]
async fn the_serving_role_can_only_append_records() {
    let app = TestApp::start(fixture::platform()).await;
    let mut serving = app.serving_role().await;
    for statement in [
        "SELECT FROM mainstay.audit_events_default",
        r"
            INSERT INTO mainstay.audit_events_default (id)
            VALUES (gen_random_uuid())
        ",
        r"
            INSERT INTO mainstay.audit_events (
                id, occurred_at, action, operation, resource, request_id, transaction_id
            )
            VALUES (gen_random_uuid(), now(), 'x', 'x', 'x', gen_random_uuid(), '1')
        ",
        "SELECT mainstay.make_audit_partition('2020-01-01')",
    ] {
        assert_denied(&mut serving, statement).await;
    }

    let rows = serving
        .run("SELECT mainstay.make_audit_partitions()", [])
        .await
        .expect("the rows are counted");
    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 0);
}

/// Every record goes to its month's partition, also one from before the schema checked times.
#[tokio::test]
async fn every_record_has_a_partition() {
    const UNGUARDED: &str = "DROP TRIGGER audit_events_time ON mainstay.audit_events";

    const INSERT: &str = r"
        INSERT INTO mainstay.audit_events (id, occurred_at, action, operation, resource, request_id)
        SELECT (
            lpad(
                to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'
            ) || '7000a000000000000000'
        )::uuid, moment, 'x', 'x', 'x', gen_random_uuid()
        FROM unnest(
            ARRAY[date_trunc('month', now() AT TIME ZONE 'UTC'), '1999-12-31', '2190-01-01']
        ) AS moment
        RETURNING tableoid::regclass::text,
            'audit_events_' || to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY_MM')
    ";

    const MAKE: &str = r"
        SELECT mainstay.make_audit_partition('2190-01-01'),
            mainstay.make_audit_partition('2190-02-01'),
            (SELECT count(*) FROM mainstay.audit_events WHERE action = 'x')
    ";

    let app = TestApp::start(fixture::platform()).await;
    let mut owner = app.owner().await;
    owner
        .run(UNGUARDED, [])
        .await
        .expect("the owner's statement runs");

    let rows = owner
        .run(INSERT, [])
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    let places: Vec<String> = rows
        .iter()
        .map(|row| row.get(0).expect("the table is present"))
        .collect();

    let month: String = rows[0].get(1).expect("the table is present");
    assert_eq!(
        places,
        [
            month.as_str(),
            "audit_events_default",
            "audit_events_default"
        ]
    );

    // A month with records in the default partition stays there; nothing is lost, and the other
    // partitions are created.
    let rows = owner
        .run(MAKE, [])
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    let made = (
        rows[0].get::<bool>(0).expect("the response has the id"),
        rows[0].get::<bool>(1).expect("the response has the id"),
    );

    assert_eq!(
        (made, rows[0].get::<i64>(2).expect("the column is a number")),
        ((false, true), 3)
    );
}
