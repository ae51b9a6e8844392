//! A dump of yesterday, played in by `psql`, against the auditor who runs `audit verify` on it. What was deleted from the
//! tables by hand stands in `sealed_log.rs`.

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

/// A service, and what its auditor keeps in a directory outside of it.
struct House {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
    outside: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let (app, environment) =
            beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
        Self {
            app,
            environment,
            outside: tempfile::tempdir().expect("there is room"),
        }
    }

    /// Runs `audit` on a database under the service's keys.
    fn audit(&self, database: &SecretString, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = program(["audit"].iter().chain(arguments));
        command
            .envs(self.environment.clone())
            .env("MAINSTAY_DATABASE_URL", database.expose_secret());
        finish(&mut command)
    }

    /// Runs `audit verify` with what is kept outside: the key, and the checkpoint of that day.
    fn verify(&self, database: &SecretString, key: &str, day: &str) -> (Option<i32>, String) {
        let file = self.outside.path().join(day).display().to_string();
        self.audit(database, &["verify", "--key", key, "--checkpoint", &file])
    }

    /// Seals the log, keeps its newest checkpoint outside, and gives how many leaves that one is over.
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
            .expect("it is read");

        fs::write(
            self.outside.path().join(day),
            rows[0].get::<String>(1).expect("a note"),
        )
        .expect("there is room");

        rows[0].get(0).expect("a size")
    }

    /// Another sealer, which knows that database alone.
    async fn seal_there(&self, database: &SecretString) {
        let variables = self
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut reader = Reader::new(variables.chain([(
            "MAINSTAY_DATABASE_URL".to_owned(),
            database.expose_secret().to_owned(),
        )]));

        let settings = Settings::read(&mut reader).expect("the settings are right");
        let ring = self
            .environment
            .iter()
            .find(|(name, _)| *name == "MAINSTAY_CRYPTO_KEYS")
            .expect("there are keys");

        let ring = KeyRing::parse(&ring.1.clone().into()).expect("a ring");
        let database = Database::new(&settings, ring, Runtime::default()).expect("a pool");
        sealer(&database).run(async {}).await;
    }
}

#[tokio::test]
async fn a_restored_dump_is_told_by_a_newer_checkpoint_from_outside() {
    let house = House::new().await;
    let live = house.app.database_url();
    let agent = house.app.actor(Agent).await;

    write_on(&agent, 4, "monday").await;
    let monday = house.publish("monday").await;
    let (code, key) = house.audit(&live, &["key"]);

    assert_eq!(code, Some(0), "{key}");

    let key = key.trim();
    let backup = dump(&house.app.owner_url(), &[]);

    write_on(&agent, 3, "tuesday").await;
    let tuesday = house.publish("tuesday").await;
    assert!(tuesday >= monday + 3, "{monday} and {tuesday}");

    for day in ["monday", "tuesday"] {
        let (code, told) = house.verify(&live, key, day);
        assert!(
            code == Some(0) && told.contains("checkpoints  1 external, all match"),
            "{day}: {told}"
        );
    }

    let Beside {
        owner,
        server: restored,
    } = Beside::make(&house.app, "CREATE DATABASE monday").await;
    restore(&owner, &backup);

    // By itself, and with the checkpoint of its own day, it is the log that it was.
    let whole = format!(
        "records      {monday} of {monday}, index 0 to {}",
        monday - 1
    );
    let (code, told) = house.audit(&restored, &["verify", "--key", key]);

    assert!(code == Some(0) && told.contains(&whole), "{told}");

    let (code, told) = house.verify(&restored, key, "monday");
    assert!(code == Some(0) && told.contains(&whole), "{told}");

    // The newer one says what is missing, from which index on.
    let cut = format!(
        "error: index {monday}: the log was truncated or restored: it has {monday} leaves, the external checkpoint \
         covers {tuesday}"
    );
    let (code, told) = house.verify(&restored, key, "tuesday");

    assert!(code == Some(1) && told.contains(&cut), "{told}");

    // It goes on from there, and grows beyond where it was: it is another log by then.
    let service = house
        .app
        .second_replica_with([("database.url", restored.expose_secret().to_owned())])
        .await;
    let there = service.client_of(&agent);

    for n in 0..=tuesday - monday {
        let body = json!({ "full_name": "Bea", "email": format!("bea{n}@example.org") });
        there.post("/v1/customers", body).await.assert_status(201);
    }

    service.stop().await;
    house.seal_there(&restored).await;

    let (code, told) = house.verify(&restored, key, "monday");
    assert!(code == Some(0), "{told}");

    let forked = format!("error: index 0 to {}: the log is another one", tuesday - 1);
    let (code, told) = house.verify(&restored, key, "tuesday");
    assert!(code == Some(1) && told.contains(&forked), "{told}");
}

/// What a dump held unsealed has no leaf until the sealer's walk comes to it. Nothing says that somebody slipped it in, and
/// neither does `audit verify`.
#[tokio::test]
async fn what_a_dump_held_unsealed_is_no_accusation() {
    const NUMBER: &str = r"
        UPDATE mainstay.audit_events e
        SET transaction_id = $1::text::xid8
        WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
    ";

    let house = House::new().await;
    let agent = house.app.actor(Agent).await;
    write_on(&agent, 2, "sealed").await;
    house.publish("monday").await;
    write_on(&agent, 1, "unsealed").await;

    let backup = dump(&house.app.owner_url(), &[]);
    let Beside {
        owner,
        server: restored,
    } = Beside::make(&house.app, "CREATE DATABASE unsealed").await;
    restore(&owner, &backup);

    let url = mainstay_database::DatabaseUrl::parse(&owner).expect("devdb's URL is verified");
    let mut there = mainstay_database::Owner::connect(&url)
        .await
        .expect("the owner connects");
    there.run(DISARM, []).await.expect("the owner may");

    for (transaction, why) in [
        (None, "the sealer has not reached it"),
        // Of a cluster that had counted further, and of one that had not.
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
            there
                .run(NUMBER, [number.into()])
                .await
                .expect("the owner may");
        }

        let (code, told) = house.audit(&restored, &["verify", "--grace", "0s"]);
        assert!(
            code == Some(1) && told.contains("is not sealed: ") && told.contains(why),
            "{transaction:?}: {told}"
        );
        assert!(!told.contains("inserted"), "{told}");
    }
}
