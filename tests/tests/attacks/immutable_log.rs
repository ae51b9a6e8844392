//! The audit log against those who could alter it: the serving role, which an attacker in the service would have, and the
//! schema's owner by mistake (OWASP ASVS 13.2.2, 16.4.2).

use mainstay_access::BuiltInRole::Manager;
use mainstay_database::Owner;
use mainstay_testing::TestApp;
use serde_json::json;

/// SQLSTATE 42501, insufficient_privilege.
const DENIED: &str = "42501";

async fn assert_denied(role: &mut Owner, statement: &'static str) {
    let error = role.run(statement, []).await.err().unwrap_or_else(|| panic!("{statement} was done"));
    let cause = error.cause().unwrap_or_default();
    assert!(cause.starts_with(DENIED), "{statement}: {error}: {cause}");
}

#[tokio::test]
async fn nobody_changes_what_was_recorded() {
    let app = TestApp::start(app::platform()).await;
    let manager = app.actor(Manager).await;
    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    manager.post("/v1/customers", body).await.assert_status(201);
    let before = app.contents().await;
    let alterations = ["UPDATE audit_events SET actor_id = NULL", "DELETE FROM audit_events", "TRUNCATE audit_events"];
    let (mut serving, mut owner) = (app.serving_role().await, app.owner().await);
    for statement in alterations {
        assert_denied(&mut serving, statement).await;
        assert_denied(&mut owner, statement).await;
    }
    assert_eq!(app.contents().await.changed_since(&before), Vec::<&str>::new());
}

#[tokio::test]
async fn the_serving_role_owns_nothing_and_changes_no_schema() {
    let app = TestApp::start(app::platform()).await;
    let before = app.contents().await;
    let mut serving = app.serving_role().await;
    for statement in [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_events_append_only ON audit_events",
        "ALTER TABLE customers ADD COLUMN mine int",
        "SET ROLE mainstay_owner",
        "SET session_replication_role = replica",
        "INSERT INTO permissions (name, help) VALUES ('mine', 'mine')",
        "UPDATE role_permissions SET permission = 'customers.delete'",
        "INSERT INTO roles (id, name) VALUES (gen_random_uuid(), 'mine')",
        "UPDATE users SET kind = kind",
        "TRUNCATE users CASCADE",
        "UPDATE data_keys SET wrapped = wrapped",
        "UPDATE refinery_schema_history SET version = 0",
        "SELECT announce_access_change('user', gen_random_uuid())",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY customers TO PROGRAM 'true'",
    ] {
        assert_denied(&mut serving, statement).await;
    }
    assert_eq!(app.contents().await.changed_since(&before), Vec::<&str>::new());
}
