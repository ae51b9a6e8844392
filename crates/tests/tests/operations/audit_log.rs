//! The commands `audit verify`, `export`, `tail` and `key`.

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

struct Deployment {
    app: TestApp,
    environment: Vec<(&'static str, String)>,
}

impl Deployment {
    /// Starts a service that publishes its checkpoints to a file.
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

    /// Waits until a checkpoint of all records is published.
    async fn published(&self, file: &Path) {
        const SIZE: &str = "SELECT count(*) FROM mainstay.audit_events";

        let size: i64 = self
            .app
            .owner()
            .await
            .run(SIZE, [])
            .await
            .expect("the rows are counted")[0]
            .get(0)
            .expect("the column is a number");

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
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let file = |name: &str| folder.path().join(name);
    let text = |name: &str| file(name).display().to_string();
    let deployment = Deployment::new(&file("checkpoints")).await;
    let agent = deployment.app.actor(Agent).await;

    customers(&agent, "one").await;
    deployment.published(&file("checkpoints")).await;

    let (code, key) = deployment.audit(&["key"]);
    assert_eq!(code, Some(0), "{key}");

    let key = key.trim();
    assert!(key.starts_with("localhost:8000/audit+"), "{key}");

    let pinned = ["verify", "--key", key, "--checkpoint", &text("checkpoints")];
    let (code, output) = deployment.audit(&pinned);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("The log is intact."), "{output}");

    let (code, output) = deployment.audit(&["verify"]);
    assert!(
        code == Some(0) && output.contains("warning: no --key"),
        "{output}"
    );

    // An export is verified with the key and the checkpoint alone, without settings.
    fs::copy(file("checkpoints"), file("kept")).expect("the file is copied");
    customers(&agent, "two").await;
    deployment.published(&file("checkpoints")).await;

    let (code, output) = deployment.audit(&[
        "export",
        "--output",
        &text("export"),
        "--checkpoint",
        &text("kept"),
    ]);

    assert_eq!(code, Some(0), "{output}");
    assert_eq!(
        deployment.audit(&["export", "--output", &text("export")]).0,
        Some(1),
        "an existing file is not overwritten"
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

    let (code, output) = offline(&text("export"));
    assert_eq!(code, Some(0), "{output}");

    let lines = fs::read_to_string(file("export")).expect("the file is text");
    assert!(
        lines
            .lines()
            .last()
            .expect("the export has lines")
            .starts_with(r#"{"checkpoint":"#)
    );
    assert!(!lines.contains("Lovelace"), "personal values stay sealed");

    fs::write(
        file("altered"),
        lines.replacen("customer.created", "customer.deleted", 1),
    )
    .expect("the write succeeds");

    let (code, output) = offline(&text("altered"));
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.contains("error: index ") && output.contains("was altered after it was sealed"),
        "{output}"
    );

    // The owner alters a record: the first bad index is reported.
    for statement in [
        r"
            DO $$
            DECLARE
                t regclass;
            BEGIN
                FOR t IN
                    SELECT inhrelid
                    FROM pg_inherits
                    WHERE inhparent = 'mainstay.audit_events'::regclass
                    UNION
                    SELECT 'mainstay.audit_events'::regclass
                LOOP
                    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
                END LOOP;
            END $$
        ",
        r"
            UPDATE mainstay.audit_events
            SET action = 'customer.viewed'
            WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = 5)
        ",
    ] {
        let outcome = deployment.app.owner().await.run(statement, []).await;
        outcome.unwrap_or_else(|error| panic!("{error}: {:?}", error.cause()));
    }

    let (code, output) = deployment.audit(&pinned);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("error: index 5: record"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_replaces_the_old_one_and_both_are_trusted() {
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let file = folder.path().join("checkpoints");
    let deployment = Deployment::new(&file).await;
    let agent = deployment.app.actor(Agent).await;

    deployment.published(&file).await;
    let first = deployment.audit(&["key"]).1;
    let (code, both) = deployment.audit(&["key", "--rotate"]);

    assert_eq!(code, Some(0), "{both}");

    let keys: Vec<_> = both.lines().collect();
    assert_eq!((keys.len(), keys[1]), (2, first.trim()));

    let verify = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().flat_map(|key| ["--key", key]).collect();
        deployment.audit(&[&["verify"], &keys[..]].concat())
    };

    // The sealer picks up the new key by itself.
    let mut n = 0;
    loop {
        customers(&agent, &format!("more{n}-")).await;
        n += 1;
        deployment.published(&file).await;

        let (code, output) = verify(&keys[..1]);
        assert_eq!(
            code,
            Some(1),
            "the old key signed the first checkpoints: {output}"
        );

        if verify(&keys[1..]).0 == Some(1) {
            break;
        }
    }

    let (code, output) = verify(&keys);
    assert_eq!(code, Some(0), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_shows_each_record_once() {
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let deployment = Deployment::new(&folder.path().join("checkpoints")).await;
    let agent = deployment.app.actor(Agent).await;
    let mut tail = Serving::start(program(["audit", "tail"]).envs(deployment.environment.clone()));
    let lines = |tail: &Serving| {
        tail.log()
            .lines()
            .filter(|line| line.contains("  customer.created  "))
            .count()
    };

    // It has started when it prints something.
    for n in 0.. {
        customers(&agent, &format!("first{n}-")).await;
        let shown = tokio::task::spawn_blocking(|| {
            std::thread::sleep(std::time::Duration::from_millis(100))
        });
        shown.await.expect("the first record is printed");
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

    let id = path.rsplit('/').next().expect("the id is present");
    tokio::task::block_in_place(|| {
        eventually("the last record is printed", || {
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

/// The first sealer seals an existing log in batches, and does not report it as missed.
#[tokio::test(flavor = "multi_thread")]
async fn records_before_the_first_seal_are_not_reported_as_late() {
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
    let (code, output) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );

    assert_eq!(code, Some(0), "{output}");

    let url = DatabaseUrl::parse(&beside.owner).expect("the URL is valid");
    let mut owner = Owner::connect(&url).await.expect("the owner connects");
    owner
        .run(FILL, [])
        .await
        .expect("the owner's statement runs");

    let ports =
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"].map(|name| (name, "127.0.0.1:0"));
    let service = Serving::start(
        program(["serve"])
            .envs(secrets(beside.server.expose_secret()))
            .envs(ports),
    );

    let sealed = async {
        loop {
            let left: i64 = owner.run(UNSEALED, []).await.expect("the rows are counted")[0]
                .get(0)
                .expect("the column is a number");
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

/// Two workers publish to one file and lead in turns: each continues the other's checkpoints.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_file_of_checkpoints() {
    const TURNS: usize = 5;
    const ALARM: &str = "restored or rewritten";

    let folder = tempfile::tempdir().expect("the temporary file is created");
    let file = folder.path().join("checkpoints");
    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    environment.extend([
        ("MAINSTAY_AUDIT_PUBLISH", file.display().to_string()),
        ("MAINSTAY_AUDIT_PUBLISH_EVERY", "100ms".to_owned()),
        ("MAINSTAY_MAIL_SMTP_URL", "smtp://127.0.0.1:1".to_owned()),
        ("MAINSTAY_MAIL_FROM", "service@example.org".to_owned()),
    ]);

    let deployment = Deployment { app, environment };
    let agent = deployment.app.actor(Agent).await;
    let worker = || Serving::start(program(["worker"]).envs(deployment.environment.clone()));

    let mut workers = [worker(), worker()];
    for turn in 0..TURNS {
        customers(&agent, &format!("turn{turn}n")).await;
        deployment.published(&file).await;

        let leads = |worker: &Serving| {
            worker
                .log()
                .contains("became leader of the audit log's sealing")
        };
        let leader = workers
            .iter()
            .position(leads)
            .expect("one worker has sealed");

        // It seals and publishes the rest, while the other one takes over.
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

    deployment.published(&file).await;
    assert!(workers.iter().all(|worker| !worker.log().contains(ALARM)));

    let key = deployment.audit(&["key"]).1;
    let (code, output) = deployment.audit(&[
        "verify",
        "--key",
        key.trim(),
        "--checkpoint",
        &file.display().to_string(),
    ]);

    assert!(code == Some(0) && output.contains("all match"), "{output}");

    // A checkpoint of another log is still reported.
    let text = fs::read_to_string(&file).expect("the file is text");
    let note = text
        .trim_end()
        .rsplit("\n\n")
        .nth(1)
        .expect("the text is a signed note");
    let root = note.lines().nth(2).expect("the note has a root");
    let other = text.replace(root, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

    fs::write(&file, other).expect("the write succeeds");
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
