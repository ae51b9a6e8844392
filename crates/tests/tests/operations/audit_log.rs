//! `audit verify`, `export`, `tail` and `key`: what an auditor and an operator do about the log.

use std::{fs, path::Path};

use mainstay::kernel::ExposeSecret as _;
use mainstay_access::BuiltInRole::Agent;
use mainstay_database::{DatabaseUrl, Owner};
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

use crate::{
    databases::Beside,
    program::{Serving, beside, eventually, finish, program, secrets},
};

struct House {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
}

impl House {
    /// A service that publishes its checkpoints into a file.
    async fn new(published: &Path) -> Self {
        let builder = TestApp::builder(fixture::platform())
            .setting("audit.publish", published.display().to_string())
            .setting("audit.publish_every", "100ms");
        let (app, environment) = beside(builder).await;
        Self { app, environment }
    }

    fn audit(&self, arguments: &[&str]) -> (Option<i32>, String) {
        finish(program(["audit"].iter().chain(arguments)).envs(self.environment.clone()))
    }

    /// Waits until everything that was recorded is published.
    async fn published(&self, file: &Path) {
        const SIZE: &str = "SELECT count(*) FROM mainstay.audit_events";

        let size: i64 = self
            .app
            .owner()
            .await
            .run(SIZE, [])
            .await
            .expect("it is counted")[0]
            .get(0)
            .expect("a number");

        tokio::task::block_in_place(|| {
            eventually("the checkpoint is published", || {
                let text = fs::read_to_string(file).ok()?;
                let sizes = text.lines().filter_map(|line| line.parse::<i64>().ok());
                (sizes.max()? >= size).then_some(())
            });
        });
    }
}

async fn customers(agent: &Actor, whose: &str) {
    for n in 0..4 {
        let body =
            json!({ "full_name": "Ada Lovelace", "email": format!("{whose}{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_verifies_the_log_and_an_export_of_it() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str| folder.path().join(name);
    let text = |name: &str| file(name).display().to_string();
    let house = House::new(&file("checkpoints")).await;
    let agent = house.app.actor(Agent).await;

    customers(&agent, "one").await;
    house.published(&file("checkpoints")).await;

    let (code, key) = house.audit(&["key"]);
    assert_eq!(code, Some(0), "{key}");

    let key = key.trim();
    assert!(key.starts_with("localhost:8000/audit+"), "{key}");

    let pinned = ["verify", "--key", key, "--checkpoint", &text("checkpoints")];
    let (code, told) = house.audit(&pinned);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("The log is intact."), "{told}");

    let (code, told) = house.audit(&["verify"]);
    assert!(
        code == Some(0) && told.contains("warning: no --key"),
        "{told}"
    );

    // An export is verified with nothing but the key and the checkpoint: no settings at all.
    fs::copy(file("checkpoints"), file("kept")).expect("it is copied");
    customers(&agent, "two").await;
    house.published(&file("checkpoints")).await;

    let (code, told) = house.audit(&[
        "export",
        "--output",
        &text("export"),
        "--checkpoint",
        &text("kept"),
    ]);

    assert_eq!(code, Some(0), "{told}");
    assert_eq!(
        house.audit(&["export", "--output", &text("export")]).0,
        Some(1),
        "nothing is written over"
    );

    let offline = |export: &str| {
        finish(&mut program([
            "audit",
            "verify",
            "--key",
            key,
            "--checkpoint",
            &text("kept"),
            "--export",
            export,
        ]))
    };

    let (code, told) = offline(&text("export"));
    assert_eq!(code, Some(0), "{told}");

    let lines = fs::read_to_string(file("export")).expect("it is text");
    assert!(
        lines
            .lines()
            .last()
            .expect("a line")
            .starts_with(r#"{"checkpoint":"#)
    );
    assert!(!lines.contains("Lovelace"), "personal values stay sealed");

    fs::write(
        file("altered"),
        lines.replacen("customer.created", "customer.deleted", 1),
    )
    .expect("it is written");

    let (code, told) = offline(&text("altered"));
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("error: index ") && told.contains("was altered after it was sealed"),
        "{told}"
    );

    // Somebody with the owner's password alters a record: the first bad index is named.
    for statement in [
        "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'mainstay.audit_events'::regclass \
             UNION SELECT 'mainstay.audit_events'::regclass LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t); END LOOP; END $$",
        r"
            UPDATE mainstay.audit_events
            SET actor_id = NULL
            WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = 5)
        ",
    ] {
        let outcome = house.app.owner().await.run(statement, []).await;
        outcome.unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    }

    let (code, told) = house.audit(&pinned);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("error: index 5: record"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_followed_by_another_and_both_are_believed() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("checkpoints");
    let house = House::new(&file).await;
    let agent = house.app.actor(Agent).await;

    house.published(&file).await;
    let first = house.audit(&["key"]).1;
    let (code, both) = house.audit(&["key", "--rotate"]);

    assert_eq!(code, Some(0), "{both}");

    let keys: Vec<_> = both.lines().collect();
    assert_eq!((keys.len(), keys[1]), (2, first.trim()));

    let verify = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().flat_map(|key| ["--key", key]).collect();
        house.audit(&[&["verify"], &keys[..]].concat())
    };

    // The sealer takes the new key up by itself.
    let mut n = 0;
    loop {
        customers(&agent, &format!("more{n}-")).await;
        n += 1;
        house.published(&file).await;

        let (code, told) = verify(&keys[..1]);
        assert_eq!(
            code,
            Some(1),
            "the first checkpoints are the old key's: {told}"
        );

        if verify(&keys[1..]).0 == Some(1) {
            break;
        }
    }

    let (code, told) = verify(&keys);
    assert_eq!(code, Some(0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_shows_each_record_once() {
    let folder = tempfile::tempdir().expect("there is room");
    let house = House::new(&folder.path().join("checkpoints")).await;
    let agent = house.app.actor(Agent).await;
    let mut tail = Serving::start(program(["audit", "tail"]).envs(house.environment.clone()));
    let lines = |tail: &Serving| {
        tail.log()
            .lines()
            .filter(|line| line.contains("  customer.created  "))
            .count()
    };

    // It has begun when it shows something.
    for n in 0.. {
        customers(&agent, &format!("first{n}-")).await;
        let shown = tokio::task::spawn_blocking(|| {
            std::thread::sleep(std::time::Duration::from_millis(100))
        });
        shown.await.expect("it waits");
        assert!(tail.is_running() && n < 600, "{}", tail.log());
        if lines(&tail) > 0 {
            break;
        }
    }

    let last = json!({ "full_name": "Ada", "email": "last@example.org" });
    let path = agent
        .post("/v1/customers", last)
        .await
        .assert_status(201)
        .location();

    let id = path.rsplit('/').next().expect("an id");
    tokio::task::block_in_place(|| {
        eventually("the last is shown", || {
            tail.log().contains(id).then_some(())
        });
    });

    let log = tail.log();
    let ids: Vec<_> = log
        .lines()
        .filter(|line| line.contains("  customer.created  "))
        .collect();
    let once: std::collections::BTreeSet<_> = ids.iter().collect();

    assert_eq!(ids.len(), once.len(), "{log}");

    tail.signal("TERM");
    assert_eq!(tail.exit_code(), Some(0), "{}", tail.log());
}

/// A log that waits for its first sealer is its work, batch by batch, and nothing that was forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_for_the_first_seal_are_not_called_late() {
    const FILL: &str = r"
        INSERT INTO mainstay.audit_events (id, occurred_at, action, operation, resource, request_id)
        SELECT (
            lpad(
                to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'
            ) || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15)
        )::uuid, clock_timestamp(), 'filled', 'test', 'nothing', gen_random_uuid()
        FROM generate_series(1, 5000) AS n
    ";

    const UNSEALED: &str = r"
        SELECT count(*)
        FROM mainstay.audit_events
        WHERE id NOT IN (SELECT event_id FROM mainstay.audit_leaves)
    ";

    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE first_seal").await;
    let (code, told) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );

    assert_eq!(code, Some(0), "{told}");

    let url = DatabaseUrl::parse(&beside.owner).expect("it is verified");
    let mut owner = Owner::connect(&url).await.expect("the owner connects");
    owner.run(FILL, []).await.expect("the owner may");

    let ports =
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"].map(|name| (name, "127.0.0.1:0"));
    let service = Serving::start(
        program(["serve"])
            .envs(secrets(beside.server.expose_secret()))
            .envs(ports),
    );

    let sealed = async {
        loop {
            let left: i64 = owner.run(UNSEALED, []).await.expect("it is counted")[0]
                .get(0)
                .expect("a number");
            if left == 0 {
                return;
            }
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, sealed)
        .await
        .unwrap_or_else(|_| panic!("{}", service.log()));

    assert!(
        service
            .log()
            .contains("became leader of the audit log's sealing"),
        "{}",
        service.log()
    );
    assert!(
        !service.log().contains("missed earlier"),
        "{}",
        service.log()
    );
}

/// Two workers publish into one file, and lead in turns: what each adds goes on from what the other did.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_file_of_checkpoints() {
    const TURNS: usize = 5;
    const ALARM: &str = "restored or rewritten";

    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("checkpoints");
    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    environment.extend([
        ("MAINSTAY_AUDIT_PUBLISH", file.display().to_string()),
        ("MAINSTAY_AUDIT_PUBLISH_EVERY", "100ms".to_owned()),
        ("MAINSTAY_MAIL_SMTP_URL", "smtp://127.0.0.1:1".to_owned()),
        ("MAINSTAY_MAIL_FROM", "service@example.org".to_owned()),
    ]);

    let house = House { app, environment };
    let agent = house.app.actor(Agent).await;
    let worker = || Serving::start(program(["worker"]).envs(house.environment.clone()));

    let mut workers = [worker(), worker()];
    for turn in 0..TURNS {
        customers(&agent, &format!("turn{turn}n")).await;
        house.published(&file).await;

        let leads = |worker: &Serving| {
            worker
                .log()
                .contains("became leader of the audit log's sealing")
        };
        let leader = workers
            .iter()
            .position(leads)
            .expect("one of them has sealed");

        // It seals and publishes what is left, while the other one takes over.
        customers(&agent, &format!("last{turn}n")).await;
        workers[leader].signal("TERM");

        assert_eq!(workers[leader].exit_code(), Some(0));
        assert!(
            !workers[leader].log().contains(ALARM),
            "{}",
            workers[leader].log()
        );

        workers[leader] = worker();
    }

    house.published(&file).await;
    assert!(workers.iter().all(|worker| !worker.log().contains(ALARM)));

    let key = house.audit(&["key"]).1;
    let (code, told) = house.audit(&[
        "verify",
        "--key",
        key.trim(),
        "--checkpoint",
        &file.display().to_string(),
    ]);

    assert!(code == Some(0) && told.contains("all match"), "{told}");

    // What stands there of another log is still told.
    let text = fs::read_to_string(&file).expect("it is text");
    let note = text.trim_end().rsplit("\n\n").nth(1).expect("a note");
    let root = note.lines().nth(2).expect("a root");
    let other = text.replace(root, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

    fs::write(&file, other).expect("it is written");
    customers(&agent, "more").await;

    tokio::task::block_in_place(|| {
        eventually("the alarm", || {
            workers
                .iter()
                .any(|worker| worker.log().contains(ALARM))
                .then_some(())
        });
    });
}
