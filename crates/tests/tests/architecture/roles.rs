use mainstay_database::{Error, Owner};
use mainstay_testing::{TestApp, checks};

/// What the serving role must not be able to do, even to somebody who found a way to make it run any SQL.
const BEYOND_SERVING: &[&str] = &[
    "CREATE TABLE t (x int)",
    "CREATE TEMPORARY TABLE t (x int)",
    "CREATE TABLE mainstay.t (x int)",
    "CREATE SCHEMA s",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION pgcrypto",
    "CREATE ROLE r",
    "CREATE DATABASE d",
    "ALTER TABLE customers ADD COLUMN x int",
    "ALTER TABLE mainstay.audit_events DISABLE TRIGGER audit_events_append_only",
    "ALTER ROLE mainstay_server SUPERUSER",
    "DROP TABLE customers",
    "TRUNCATE customers",
    "TRUNCATE mainstay.audit_events",
    "UPDATE mainstay.audit_events SET action = 'nothing'",
    "DELETE FROM mainstay.audit_events",
    "UPDATE mainstay.permissions SET help = ''",
    "INSERT INTO mainstay.roles (id, name) VALUES (gen_random_uuid(), 'god')",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'audit.read'
        FROM mainstay.roles
    ",
    // Roles of organizations are written, built-in ones are not.
    "UPDATE mainstay.roles SET name = 'god' WHERE name = 'owner'",
    "UPDATE mainstay.roles SET organization_id = NULL",
    "DELETE FROM mainstay.roles WHERE name = 'auditor'",
    "DELETE FROM mainstay.role_permissions",
    "UPDATE mainstay.role_permissions SET role_id = role_id",
    "ALTER TABLE mainstay.roles DISABLE TRIGGER roles_guard",
    "CREATE OR REPLACE FUNCTION mainstay.keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "TRUNCATE mainstay.users CASCADE",
    "UPDATE mainstay.users SET kind = 'person'",
    "UPDATE mainstay.sessions SET user_id = user_id",
    "UPDATE mainstay.data_keys SET wrapped = ''",
    "UPDATE mainstay.api_keys SET secret_hash = ''",
    "UPDATE mainstay.api_keys SET expires_at = 'infinity', scopes = NULL",
    "UPDATE mainstay.client_secrets SET secret_hash = ''",
    "SET ROLE mainstay_owner",
    "COPY customers TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
];

/// OWASP ASVS 13.2.2, 16.4.2.
#[tokio::test]
async fn the_serving_role_can_only_serve() {
    let app = TestApp::start(fixture::platform()).await;
    let mut serving = app.serving_role().await;
    serving
        .run("SELECT count(*) FROM customers", [])
        .await
        .unwrap();

    for statement in BEYOND_SERVING {
        assert_eq!(
            refusal(&mut serving, statement).await,
            "42501",
            "{statement}"
        );
    }
}

/// OWASP ASVS 16.4.2. The trigger would refuse a change too, so that only the grants themselves show this one: of the log and
/// its seal, inserting and reading; of a partition by itself, nothing.
#[tokio::test]
async fn the_serving_role_only_adds_to_the_log() {
    let rights = checks::serving_role(fixture::platform()).await;
    let of_the_log: Vec<_> = rights
        .lines()
        .filter(|line| line.starts_with("mainstay.audit_"))
        .collect();

    assert!(
        of_the_log.contains(&"mainstay.audit_events: SELECT"),
        "{rights}"
    );
    for line in of_the_log {
        for right in ["DELETE", "TRUNCATE", "UPDATE"] {
            assert!(!line.contains(right), "{line}");
        }
        assert!(!line.starts_with("mainstay.audit_events_"), "{line}");
    }
}

/// The owner of the schema may take the trigger away, but not overlook it.
#[tokio::test]
async fn not_even_the_owner_alters_the_audit_log_in_passing() {
    let app = TestApp::start(fixture::platform()).await;
    app.actor(mainstay_access::BuiltInRole::Owner).await;

    let mut owner = app.owner().await;
    for statement in [
        "UPDATE mainstay.audit_events SET action = 'nothing'",
        "DELETE FROM mainstay.audit_events",
        "TRUNCATE mainstay.audit_events",
    ] {
        assert_eq!(refusal(&mut owner, statement).await, "42501", "{statement}");
    }

    let rows = owner
        .run(
            "SELECT count(*) FROM mainstay.audit_events WHERE action <> 'nothing'",
            [],
        )
        .await
        .unwrap();

    assert!(rows[0].get::<i64>(0).unwrap() > 0);
}

/// The SQLSTATE with which Postgres refuses a statement.
async fn refusal(connection: &mut Owner, statement: &'static str) -> String {
    match connection.run(statement, []).await {
        Ok(_) => "nothing: it was done".to_owned(),
        Err(error @ Error::Internal(_)) => error
            .cause()
            .unwrap_or_default()
            .split(':')
            .next()
            .unwrap()
            .to_owned(),
        Err(other) => other.to_string(),
    }
}
