//! The limits of the serving role in Postgres.

use mainstay_database::{Error, Owner};
use mainstay_testing::{TestApp, checks};

/// Statements that the serving role must not be able to run, even for an attacker with SQL
/// injection.
const FORBIDDEN: &[&str] = &[
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
    // Roles of organizations may change, built-in roles may not.
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

    for statement in FORBIDDEN {
        assert_eq!(
            refusal(&mut serving, statement).await,
            "42501",
            "{statement}"
        );
    }
}

/// OWASP ASVS 16.4.2: insert and read on the log and its seal, nothing on a single partition. The
/// trigger would refuse a change too, so only the grants prove this.
#[tokio::test]
async fn the_serving_role_can_only_append_to_the_log() {
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

/// The schema's owner can drop the trigger, but not bypass it.
#[tokio::test]
async fn the_owner_cannot_alter_the_audit_log_past_its_trigger() {
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
        Ok(_) => "none: the statement succeeded".to_owned(),
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
