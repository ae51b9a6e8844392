//! A dump of yesterday, restored with `psql`, is detected by `audit verify`. Manual deletions are
//! in `sealed_log.rs`.

use std::fs;

use mainstay::{
    config::Reader,
    crypto::KeyRing,
    database::{Database, Settings},
    kernel::{ExposeSecret as _, Runtime, SecretString},
};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use serde_json::json;

use crate::{
    databases::Beside,
    dumps::{dump, restore},
    log::{DISARM, seal, sealer, write_on},
    program::{beside, finish, program},
};

/// A service, and a directory outside of it in which its auditor keeps key and checkpoints.
struct Deployment {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
    outside: tempfile::TempDir,
}

impl Deployment {
    async fn new() -> Self {
        let (app, environment) =
            beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
        Self {
            app,
            environment,
            outside: tempfile::tempdir().expect("the temporary file is created"),
        }
    }

    /// Runs `audit` on a database with the service's keys.
    fn audit(&self, database: &SecretString, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = program(["audit"].iter().chain(arguments));
        command
            .envs(self.environment.clone())
            .env("MAINSTAY_DATABASE_URL", database.expose_secret());
        finish(&mut command)
    }

    /// Runs `audit verify` with a key and the checkpoint of a day from outside.
    fn verify(&self, database: &SecretString, key: &str, day: &str) -> (Option<i32>, String) {
        let file = self.outside.path().join(day).display().to_string();
        self.audit(database, &["verify", "--key", key, "--checkpoint", &file])
    }

    /// Seals the log, keeps its newest checkpoint outside, and returns the checkpoint's size.
    async fn publish(&self, day: &str) -> i64 {
        const NEWEST: &str = r"
            SELECT size, note
            FROM mainstay.audit_checkpoints
            ORDER BY size DESC
            LIMIT 1
        ";

        seal(&self.app).await;

        let rows = self
            .app
            .owner()
            .await
            .run(NEWEST, [])
            .await
            .expect("the row is read");

        fs::write(
            self.outside.path().join(day),
            rows[0].get::<String>(1).expect("the text is a signed note"),
        )
        .expect("the temporary file is created");

        rows[0].get(0).expect("the size is a number")
    }

    /// Seals with another sealer, which has access to that database only.
    async fn seal_separately(&self, database: &SecretString) {
        let variables = self
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut reader = Reader::new(variables.chain([(
            "MAINSTAY_DATABASE_URL".to_owned(),
            database.expose_secret().to_owned(),
        )]));

        let settings = Settings::read(&mut reader).expect("the settings are valid");
        let ring = self
            .environment
            .iter()
            .find(|(name, _)| *name == "MAINSTAY_CRYPTO_KEYS")
            .expect("the environment has keys");

        let ring = KeyRing::parse(&ring.1.clone().into()).expect("the key ring is valid");
        let database = Database::new(&settings, ring, Runtime::default()).expect("the pool opens");
        sealer(&database).run(async {}).await;
    }
}

#[tokio::test]
async fn a_restored_dump_is_detected_by_a_newer_external_checkpoint() {
    let deployment = Deployment::new().await;
    let live = deployment.app.database_url();
    let agent = deployment.app.actor(Agent).await;

    write_on(&agent, 4, "monday").await;
    let monday = deployment.publish("monday").await;
    let (code, key) = deployment.audit(&live, &["key"]);

    assert_eq!(code, Some(0), "{key}");

    let key = key.trim();
    let backup = dump(&deployment.app.owner_url(), &[]);

    write_on(&agent, 3, "tuesday").await;
    let tuesday = deployment.publish("tuesday").await;
    assert!(tuesday >= monday + 3, "{monday} and {tuesday}");

    for day in ["monday", "tuesday"] {
        let (code, output) = deployment.verify(&live, key, day);
        assert!(
            code == Some(0) && output.contains("checkpoints  1 external, all match"),
            "{day}: {output}"
        );
    }

    let Beside {
        owner,
        server: restored,
    } = Beside::make(&deployment.app, "CREATE DATABASE monday").await;
    restore(&owner, &backup);

    // Alone, and with the checkpoint of its own day, the dump verifies.
    let whole = format!(
        "records      {monday} of {monday}, index 0 to {}",
        monday - 1
    );
    let (code, output) = deployment.audit(&restored, &["verify", "--key", key]);

    assert!(code == Some(0) && output.contains(&whole), "{output}");

    let (code, output) = deployment.verify(&restored, key, "monday");
    assert!(code == Some(0) && output.contains(&whole), "{output}");

    // The newer checkpoint shows what is missing, from which index on.
    let cut = format!(
        "error: index {monday}: the log was truncated or restored: it has {monday} leaves, the external checkpoint \
         covers {tuesday}"
    );
    let (code, output) = deployment.verify(&restored, key, "tuesday");

    assert!(code == Some(1) && output.contains(&cut), "{output}");

    // The restored log grows past its old size: it is now another log.
    let service = deployment
        .app
        .second_replica_with([("database.url", restored.expose_secret().to_owned())])
        .await;
    let remote = service.client_of(&agent);

    for n in 0..=tuesday - monday {
        let body = json!({ "full_name": "Bea", "email": format!("bea{n}@example.org") });
        remote.post("/v1/customers", body).await.assert_status(201);
    }

    service.stop().await;
    deployment.seal_separately(&restored).await;

    let (code, output) = deployment.verify(&restored, key, "monday");
    assert!(code == Some(0), "{output}");

    let forked = format!(
        "error: index 0 to {}: the log does not match the external checkpoint",
        tuesday - 1
    );
    let (code, output) = deployment.verify(&restored, key, "tuesday");
    assert!(code == Some(1) && output.contains(&forked), "{output}");
}

/// Unsealed records of a dump have no leaf until the sealer reaches them. `audit verify` does not
/// report them as inserted later.
#[tokio::test]
async fn unsealed_records_of_a_dump_are_not_reported_as_forged() {
    const NUMBER: &str = r"
        UPDATE mainstay.audit_events e
        SET transaction_id = $1::text::xid8
        WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
    ";

    let deployment = Deployment::new().await;
    let agent = deployment.app.actor(Agent).await;
    write_on(&agent, 2, "sealed").await;
    deployment.publish("monday").await;
    write_on(&agent, 1, "unsealed").await;

    let backup = dump(&deployment.app.owner_url(), &[]);
    let Beside {
        owner,
        server: restored,
    } = Beside::make(&deployment.app, "CREATE DATABASE unsealed").await;
    restore(&owner, &backup);

    let url = mainstay_database::DatabaseUrl::parse(&owner).expect("a URL from devdb is valid");
    let mut session = mainstay_database::Owner::connect(&url)
        .await
        .expect("the owner connects");
    session
        .run(DISARM, [])
        .await
        .expect("the owner's statement runs");

    for (transaction, why) in [
        (None, "the sealer has not reached it"),
        // From a cluster with higher transaction ids, and from one with lower ones.
        (
            Some("4611686018427387904"),
            "this database was restored from a dump",
        ),
        (
            Some("3"),
            "either this database was restored from a dump in which it was unsealed, or",
        ),
    ] {
        if let Some(number) = transaction {
            session
                .run(NUMBER, [number.into()])
                .await
                .expect("the owner's statement runs");
        }

        let (code, output) = deployment.audit(&restored, &["verify", "--grace", "0s"]);
        assert!(
            code == Some(1) && output.contains("is not sealed: ") && output.contains(why),
            "{transaction:?}: {output}"
        );
        assert!(!output.contains("inserted"), "{output}");
    }
}
