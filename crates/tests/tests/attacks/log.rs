//! A log to attack, which only the test seals, and the auditor's external checkpoints.

use std::time::Duration;

use mainstay::{
    audit::{AuditError, NoteKey, Outside, Sealer, Settings, Summary, Terms, keys_of, verify_log},
    config::Reader,
    database::{Database, PostgresSession},
    kernel::{Random, Runtime, SecretString},
};
use mainstay_access::BuiltInRole::{Agent, Auditor};
use mainstay_database::DatabaseUrl;
use mainstay_testing::{Actor, TestApp};
use serde_json::json;
use tokio::time::timeout;

use crate::http::PATIENCE;

/// The attacker's random choices.
pub struct Draw(pub Random);

impl Draw {
    pub fn below(&self, limit: i64) -> i64 {
        i64::try_from(
            u64::from_be_bytes(self.0.bytes())
                % u64::try_from(limit).expect("the limit is positive"),
        )
        .expect("the number fits")
    }
}

/// Starts a service whose log only the test seals.
pub async fn unsealed_app() -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("jobs.in_process", "false")
        .start()
        .await
}

pub fn sealer(database: &Database) -> Sealer {
    let settings = Settings::read(&mut Reader::new([]), "https://api.example.org")
        .expect("the settings are valid");
    Sealer::new(database.clone(), settings)
}

/// Seals the records that can be sealed now.
pub async fn seal_once(app: &TestApp) {
    sealer(app.database()).run(async {}).await;
}

/// Seals all records. A transaction of another test on the same cluster may delay this.
pub async fn seal(app: &TestApp) {
    let sealed = async {
        loop {
            seal_once(app).await;
            if unsealed(app).await == 0 {
                return;
            }
        }
    };
    timeout(PATIENCE, sealed).await.expect("the log is sealed");
}

pub async fn unsealed(app: &TestApp) -> i64 {
    const COUNT: &str = r"
        SELECT count(*)
        FROM mainstay.audit_events e
        WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
    ";
    count(app, COUNT).await
}

pub async fn count(app: &TestApp, text: &'static str) -> i64 {
    app.owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are counted")[0]
        .get(0)
        .expect("the column is a number")
}

pub async fn session(url: &SecretString) -> PostgresSession {
    let url = DatabaseUrl::parse(url).expect("a URL from devdb is valid");
    PostgresSession::connect(&url, Duration::ZERO)
        .await
        .expect("the client connects")
}

/// Starts a service with records of several kinds, sealed in three batches.
pub async fn sealed_log() -> (TestApp, PostgresSession, Vec<NoteKey>) {
    let app = unsealed_app().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    seal(&app).await;

    for n in 0..6 {
        let body = json!({ "full_name": format!("Ada {n}"), "email": format!("{n}@example.org") });
        let path = agent
            .post("/v1/customers", body)
            .await
            .assert_status(201)
            .location();

        agent
            .patch(&path, json!({ "status": "lead" }))
            .await
            .assert_status(200);

        if n == 3 {
            seal(&app).await;
        }
    }

    auditor.get("/v1/audit/events").await.assert_status(200);
    auditor
        .post("/v1/customers", json!({}))
        .await
        .assert_problem(403, "forbidden");

    seal(&app).await;
    let mut session = session(&app.owner_url()).await;
    let keys = keys_of(&mut session, app.database().ring())
        .await
        .expect("the keys open");

    (app, session, keys)
}

pub async fn judge(
    session: &mut PostgresSession,
    keys: &[NoteKey],
    outside: &Outside,
) -> Result<Summary, AuditError> {
    let sealed_before = Runtime::default().clock.now() + time::Duration::DAY;
    verify_log(
        session,
        &Terms {
            keys,
            outside,
            kept_since: None,
            sealed_before,
            dated_from: 0,
        },
    )
    .await
}

/// The newest published checkpoint.
pub async fn published(session: &mut PostgresSession, keys: &[NoteKey]) -> Outside {
    const NEWEST: &str = r"
        SELECT note
        FROM mainstay.audit_checkpoints
        ORDER BY size DESC
        LIMIT 1
    ";
    let rows = session
        .run("test", NEWEST, [])
        .await
        .expect("the row is read");
    Outside::read(
        &rows[0].get::<String>(0).expect("the text is a signed note"),
        keys,
    )
    .expect("the checkpoint is valid")
}

pub async fn run(session: &mut PostgresSession, text: &'static str) {
    session
        .run("test", text, [])
        .await
        .unwrap_or_else(|error| panic!("{text}: {error}: {:?}", error.cause()));
}

pub async fn write_on(agent: &Actor, count: usize, whose: &str) {
    for n in 0..count {
        let body = json!({ "full_name": "Ada", "email": format!("{whose}{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }
}

/// Disables every trigger that would stop the schema's owner.
pub const DISARM: &str = r"
    DO $$
    DECLARE
        t regclass;
    BEGIN
        FOR t IN
            SELECT oid
            FROM pg_class
            WHERE relnamespace = 'mainstay'::regnamespace
                AND relkind IN ('r', 'p')
                AND relname LIKE 'audit\_%'
        LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
        END LOOP;
    END $$
";
