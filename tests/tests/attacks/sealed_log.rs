//! The sealed log against those who may do anything to its tables: the schema's owner with the triggers disabled, somebody
//! who rebuilds the tree, a dump of yesterday (OWASP ASVS 16.4.2). What the judgement alone makes of ten thousand mutations
//! stands in `crates/audit/src/verify/tests.rs`; here it reads them from a real database and from an export.

use std::time::{Duration, Instant};

use mainstay::{
    audit::{
        AuditError, Extent, Finding, NoteError, NoteKey, Outside, Sealer, Settings, Summary, Terms, export_log,
        keys_of, verify_export, verify_log,
    },
    config::Reader,
    crypto::KeyRing,
    database::{Database, Session},
    kernel::{ExposeSecret as _, Random, Runtime, SecretString},
};
use mainstay_access::BuiltInRole::{Agent, Auditor};
use mainstay_database::DatabaseUrl;
use mainstay_testing::{Actor, TestApp};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    http::PATIENCE,
    program::{Serving, program, secrets},
};

/// What the attacker draws.
struct Draw(Random);

impl Draw {
    fn below(&self, limit: i64) -> i64 {
        i64::try_from(u64::from_be_bytes(self.0.bytes()) % u64::try_from(limit).expect("a limit")).expect("it is below")
    }
}

/// A service whose log nobody seals but the test.
async fn unsealed_app() -> TestApp {
    TestApp::builder(app::platform()).setting("jobs.in_process", "false").start().await
}

fn sealer(database: &Database) -> Sealer {
    let settings = Settings::read(&mut Reader::new([]), "https://api.example.org").expect("the settings are right");
    Sealer::new(database.clone(), settings)
}

/// Seals what can be sealed now.
async fn seal_once(app: &TestApp) {
    sealer(app.database()).run(async {}).await;
}

/// Seals all that there is. A transaction of another test on the same cluster may be in the way for a moment.
async fn seal(app: &TestApp) {
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

async fn unsealed(app: &TestApp) -> i64 {
    const COUNT: &str =
        "SELECT count(*) FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id)";
    count(app, COUNT).await
}

async fn count(app: &TestApp, text: &'static str) -> i64 {
    app.owner().await.run(text, []).await.expect("it is counted")[0].get(0).expect("a number")
}

async fn session(url: &SecretString) -> Session {
    let url = DatabaseUrl::parse(url).expect("devdb's URL is verified");
    Session::connect(&url, Duration::ZERO).await.expect("it connects")
}

/// Some records of several kinds, sealed in three batches.
async fn sealed_log() -> (TestApp, Session, Vec<NoteKey>) {
    let app = unsealed_app().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    seal(&app).await;
    for n in 0..6 {
        let body = json!({ "full_name": format!("Ada {n}"), "email": format!("{n}@example.org") });
        let path = agent.post("/v1/customers", body).await.assert_status(201).location();
        agent.patch(&path, json!({ "status": "lead" })).await.assert_status(200);
        if n == 3 {
            seal(&app).await;
        }
    }
    auditor.get("/v1/audit/events").await.assert_status(200);
    auditor.post("/v1/customers", json!({})).await.assert_problem(403, "forbidden");
    seal(&app).await;
    let mut session = session(&app.owner_url()).await;
    let keys = keys_of(&mut session, app.database().ring()).await.expect("the keys open");
    (app, session, keys)
}

async fn judge(session: &mut Session, keys: &[NoteKey], outside: &Outside) -> Result<Summary, AuditError> {
    let sealed_before = Runtime::default().clock.now() + time::Duration::DAY;
    verify_log(session, &Terms { keys, outside, kept_since: None, sealed_before }).await
}

/// The newest checkpoint, as it was published.
async fn published(session: &mut Session, keys: &[NoteKey]) -> Outside {
    const NEWEST: &str = "SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1";
    let rows = session.run("test", NEWEST, []).await.expect("it is read");
    Outside::read(&rows[0].get::<String>(0).expect("a note"), keys).expect("it is believed")
}

async fn run(session: &mut Session, text: &'static str) {
    session.run("test", text, []).await.unwrap_or_else(|error| panic!("{text}: {error}: {:?}", error.cause()));
}

/// Disables every trigger that stands in the way of the schema's owner.
const DISARM: &str = "DO $$ DECLARE t regclass; BEGIN \
     FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace \
         AND relkind IN ('r', 'p') AND relname LIKE 'audit\\_%' LOOP \
         EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t); \
     END LOOP; END $$";

/// What the attacker does to the row of index `$1`; `$2` is another index, `$3` a random number. Each changes something.
const MUTATIONS: &[&str] = &[
    "UPDATE audit_events SET id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET occurred_at = occurred_at + make_interval(secs => 0.000001 + $3) WHERE id = at($1)",
    "UPDATE audit_events SET occurred_at = occurred_at - interval '4000 years' WHERE id = at($1)",
    "UPDATE audit_events SET organization_id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET actor_id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET session_id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET action = action || ' ' WHERE id = at($1)",
    "UPDATE audit_events SET operation = $3::text WHERE id = at($1)",
    "UPDATE audit_events SET resource = upper(resource) WHERE id = at($1)",
    "UPDATE audit_events SET resource_id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET request_id = gen_random_uuid() WHERE id = at($1)",
    "UPDATE audit_events SET address = '192.0.2.' || $3 WHERE id = at($1)",
    "UPDATE audit_events SET before = coalesce(before, '{}') || jsonb_build_object('x', $3) WHERE id = at($1)",
    "UPDATE audit_events SET after = coalesce(after, '{}') || jsonb_build_object('x', $3) WHERE id = at($1)",
    "UPDATE audit_events SET transaction_id = (transaction_id::text::bigint + 1)::text::xid8 WHERE id = at($1)",
    "DELETE FROM audit_events WHERE id = at($1)",
    "DELETE FROM audit_events WHERE id IN (at($1), at($2))",
    "INSERT INTO audit_events SELECT gen_random_uuid(), occurred_at, organization_id, actor_id, session_id, action, \
         operation, resource, resource_id, request_id, address, before, after FROM audit_events WHERE id = at($1)",
    // Two records under each other's ids.
    "UPDATE audit_events e SET (occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, \
         request_id, address, before, after, transaction_id) = (o.occurred_at, o.organization_id, o.actor_id, o.session_id, \
         o.action, o.operation, o.resource, o.resource_id, o.request_id, o.address, o.before, o.after, o.transaction_id) \
         FROM audit_events o WHERE (e.id, o.id) IN ((at($1), at($2)), (at($2), at($1)))",
    "UPDATE audit_leaves SET hash = sha256($3::text::bytea) WHERE index = $1",
    "UPDATE audit_leaves SET event_id = gen_random_uuid() WHERE index = $1",
    "UPDATE audit_leaves l SET hash = o.hash FROM audit_leaves o WHERE (l.index, o.index) IN (($1, $2), ($2, $1))",
    "DELETE FROM audit_leaves WHERE index = $1",
    "INSERT INTO audit_leaves SELECT max(index) + 1, gen_random_uuid(), sha256($3::text::bytea) FROM audit_leaves",
    "WITH gone AS (DELETE FROM audit_leaves WHERE index = $1 RETURNING event_id) \
         DELETE FROM audit_events e USING gone WHERE e.id = gone.event_id",
    "DELETE FROM audit_checkpoints WHERE size = (SELECT max(size) FROM audit_checkpoints)",
    "UPDATE audit_checkpoints SET root = sha256($3::text::bytea) WHERE size = newest()",
    "UPDATE audit_checkpoints SET frontier = sha256($3::text::bytea) || frontier WHERE size = newest()",
    "UPDATE audit_checkpoints SET note = replace(note, '=', '') WHERE size = newest()",
    "UPDATE audit_checkpoints SET note = replace(note, newest()::text, (newest() - 1)::text) WHERE size = newest()",
    "UPDATE audit_checkpoints SET size = size + 1 + $3 WHERE size = newest()",
    "DELETE FROM audit_checkpoints WHERE size > $1",
    // Yesterday, in all three tables at once.
    "WITH checkpoints AS (DELETE FROM audit_checkpoints WHERE size = newest()), \
         leaves AS (DELETE FROM audit_leaves WHERE index >= earlier() RETURNING event_id) \
         DELETE FROM audit_events e USING leaves WHERE e.id = leaves.event_id",
];

#[tokio::test]
async fn the_owner_of_the_tables_changes_nothing_unseen() {
    const HELPERS: &str = "DO $$ BEGIN \
         CREATE FUNCTION at(place bigint) RETURNS uuid LANGUAGE sql STABLE AS \
             'SELECT event_id FROM audit_leaves WHERE index = place'; \
         CREATE FUNCTION newest() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT max(size) FROM audit_checkpoints'; \
         CREATE FUNCTION earlier() RETURNS bigint LANGUAGE sql STABLE AS \
             'SELECT size FROM audit_checkpoints ORDER BY size DESC OFFSET 1 LIMIT 1'; \
         END $$";
    let (_app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    run(&mut session, HELPERS).await;
    let whole = judge(&mut session, &keys, &outside).await.expect("the log is whole");
    assert!(whole.until > 15 && whole.outside == 1, "{whole:?}");
    let draw = Draw(Random::seeded(1));
    let size = i64::try_from(whole.until).expect("it is small");
    let (started, mut done) = (Instant::now(), 0);
    for round in 0..12 {
        for text in MUTATIONS.iter().copied() {
            let at = draw.below(size);
            let other = (at + 1 + draw.below(size - 1)) % size;
            run(&mut session, "BEGIN").await;
            run(&mut session, DISARM).await;
            let outcome = session.run("test", text, [at.into(), other.into(), (1 + draw.below(200)).into()]).await;
            outcome.unwrap_or_else(|error| panic!("{text}: {error}: {:?}", error.cause()));
            match judge(&mut session, &keys, &outside).await {
                Err(AuditError::Found(finding)) => assert!(!finding.to_string().is_empty()),
                Err(error) => panic!("{text}: {error}: {:?}", error.cause()),
                Ok(_) => panic!("round {round}, index {at} and {other}: it was not found: {text}"),
            }
            run(&mut session, "ROLLBACK").await;
            done += 1;
        }
    }
    assert!(done > 350, "only {done}");
    judge(&mut session, &keys, &outside).await.expect("the log is whole again");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?} for {done}", started.elapsed());
}

/// What the attacker does before he makes the log anew.
const UNMAKE: &[&str] = &[
    "UPDATE audit_events SET after = '{}' WHERE id = (SELECT event_id FROM audit_leaves WHERE index = 3)",
    "DELETE FROM audit_leaves",
    "DELETE FROM audit_checkpoints",
];

async fn make_anew(app: &TestApp, session: &mut Session, database: &Database, also: &[&'static str]) {
    run(session, DISARM).await;
    for statement in UNMAKE.iter().chain(also) {
        run(session, statement).await;
    }
    let sealed = async {
        while unsealed(app).await > 0 {
            sealer(database).run(async {}).await;
        }
    };
    timeout(PATIENCE, sealed).await.expect("the attacker's log is sealed");
}

#[tokio::test]
async fn a_tree_under_another_key_is_not_believed() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let ring = KeyRing::parse(&KeyRing::generate(&Random::default())).expect("a ring");
    let mut reader = Reader::new([("MAINSTAY_DATABASE_URL".to_owned(), app.database_url().expose_secret().to_owned())]);
    let settings = mainstay::database::Settings::read(&mut reader).expect("the settings are right");
    let forger = Database::new(&settings, ring, Runtime::default()).expect("a pool");
    make_anew(&app, &mut session, &forger, &["DELETE FROM audit_keys"]).await;
    let verdict = judge(&mut session, &keys, &Outside::default()).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");
    // It is the first checkpoint that shows it already when there is one from outside.
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");
    // Whoever asks with the ring and no pinned key is told that the key is not of the ring.
    let opened = keys_of(&mut session, app.database().ring()).await;
    assert!(matches!(opened, Err(AuditError::Key(_))));
    // And the service's own sealer does not go on from it.
    let before = count(&app, "SELECT max(size) FROM audit_checkpoints").await;
    app.actor(Agent).await;
    let refused = timeout(Duration::from_secs(3), sealer(app.database()).run(sleep(Duration::from_secs(1)))).await;
    assert!(refused.is_ok(), "it ends when it is told to");
    assert_eq!(count(&app, "SELECT max(size) FROM audit_checkpoints").await, before);
}

/// Who has database and ring makes a log that nothing inside contradicts: the checkpoint outside does.
#[tokio::test]
async fn a_tree_under_the_stolen_key_is_told_by_a_checkpoint_from_outside() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    make_anew(&app, &mut session, app.database(), &[]).await;
    judge(&mut session, &keys, &Outside::default()).await.expect("nothing inside shows it");
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(Finding::Forked { .. }))), "{verdict:?}");
}

#[tokio::test]
async fn yesterdays_dump_is_told_by_a_checkpoint_from_outside() {
    const YESTERDAY: &[&str] = &[
        "CREATE TEMPORARY TABLE later AS SELECT event_id FROM audit_leaves \
             WHERE index >= (SELECT size FROM audit_checkpoints ORDER BY size DESC OFFSET 1 LIMIT 1)",
        "DELETE FROM audit_checkpoints WHERE size = (SELECT max(size) FROM audit_checkpoints)",
        "DELETE FROM audit_leaves USING later WHERE audit_leaves.event_id = later.event_id",
        "DELETE FROM audit_events USING later WHERE audit_events.id = later.event_id",
    ];
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    run(&mut session, DISARM).await;
    for statement in YESTERDAY {
        run(&mut session, statement).await;
    }
    judge(&mut session, &keys, &Outside::default()).await.expect("yesterday was right");
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(Finding::Cut { .. }))), "{verdict:?}");
    // It goes on as if nothing had been, and grows beyond where it was.
    let agent = app.actor(Agent).await;
    let size = outside.checkpoints()[0].size;
    for n in 0..size {
        let body = json!({ "full_name": "Bea", "email": format!("bea{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }
    seal(&app).await;
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(Finding::Forked { .. }))), "{verdict:?}");
}

/// A record that an open transaction has written is sealed after its commit, and nothing overtakes it unseen.
#[tokio::test]
async fn a_late_commit_is_not_lost() {
    const LATE: &str = "INSERT INTO audit_events (id, occurred_at, action, operation, resource, request_id) \
         VALUES (gen_random_uuid(), now(), 'late', 'test', 'test', gen_random_uuid()) RETURNING id";
    let app = unsealed_app().await;
    let agent = app.actor(Agent).await;
    seal(&app).await;
    let mut late = session(&app.owner_url()).await;
    run(&mut late, "BEGIN").await;
    let rows = late.run("test", LATE, []).await.expect("it is written");
    let id: mainstay_database::Uuid = rows[0].get(0).expect("an id");
    for n in 0..3 {
        let body = json!({ "full_name": "Ada", "email": format!("{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
        seal_once(&app).await;
    }
    assert!(unsealed(&app).await >= 3, "what was written behind an open transaction waits for it");
    run(&mut late, "COMMIT").await;
    seal(&app).await;
    const PLACE: &str = "SELECT index, (SELECT min(l.index) FROM audit_leaves l JOIN audit_events e ON e.id = l.event_id \
         WHERE e.action = 'customer.created') FROM audit_leaves WHERE event_id = $1";
    let rows = late.run("test", PLACE, [id.into()]).await.expect("it is asked");
    assert!(rows[0].get::<i64>(0).expect("a place") < rows[0].get::<i64>(1).expect("a place"));
    let keys = keys_of(&mut late, app.database().ring()).await.expect("the keys open");
    judge(&mut late, &keys, &Outside::default()).await.expect("the log is whole");
}

/// What a dump holds unsealed has a transaction of the cluster that it came from: of the future, or long gone.
#[tokio::test]
async fn records_of_another_cluster_are_sealed_too() {
    const FOREIGN: &str = "INSERT INTO audit_events (id, occurred_at, action, operation, resource, request_id, transaction_id) \
         VALUES (gen_random_uuid(), now(), 'foreign', 'test', 'test', gen_random_uuid(), '9000000000000'), \
             (gen_random_uuid(), now(), 'foreign', 'test', 'test', gen_random_uuid(), '3')";
    let (app, mut session, keys) = sealed_log().await;
    run(&mut session, FOREIGN).await;
    seal(&app).await;
    judge(&mut session, &keys, &Outside::default()).await.expect("the log is whole");
    assert_eq!(count(&app, "SELECT count(*) FROM audit_events WHERE action = 'foreign'").await, 2);
}

async fn write_on(agent: &Actor, count: usize, whose: &str) {
    for n in 0..count {
        let body = json!({ "full_name": "Ada", "email": format!("{whose}{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }
}

#[tokio::test]
async fn of_several_sealers_one_seals_and_another_takes_over() {
    let app = unsealed_app().await;
    let agent = app.actor(Agent).await;
    let (stops, sealers): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let sealer = sealer(app.database());
            (stop, tokio::spawn(sealer.run(async { drop(stopped.await) })))
        })
        .unzip();
    let mut sealers = sealers.into_iter();
    for (n, stop) in stops.into_iter().enumerate() {
        write_on(&agent, 10, &format!("round{n}-")).await;
        let sealed = async {
            while unsealed(&app).await > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, sealed).await.expect("one of them seals");
        drop(stop);
        sealers.next().expect("a sealer").await.expect("it ends in order");
    }
    let mut session = session(&app.owner_url()).await;
    let keys = keys_of(&mut session, app.database().ring()).await.expect("the keys open");
    let whole = judge(&mut session, &keys, &Outside::default()).await.expect("the log is whole");
    assert!(whole.until > 30);
    assert_eq!(count(&app, "SELECT count(*) FROM audit_keys").await, 1, "they agreed on a key");
}

/// An idle log makes no checkpoints, and a busy one not one for each record.
#[tokio::test]
async fn nothing_is_signed_for_nothing() {
    let (app, _session, _) = sealed_log().await;
    let before = count(&app, "SELECT count(*) FROM audit_checkpoints").await;
    for _ in 0..3 {
        seal_once(&app).await;
    }
    assert_eq!(count(&app, "SELECT count(*) FROM audit_checkpoints").await, before);
}

/// `kill -9` between, or in the middle of, whatever the sealer does.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sealer_leaves_nothing_half_done() {
    let keys = KeyRing::generate(&Random::default()).expose_secret().to_owned();
    let app = TestApp::builder(app::platform())
        .setting("jobs.in_process", "false")
        .setting("crypto.keys", keys.clone())
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let mut environment = secrets(app.database_url().expose_secret());
    environment.retain(|(name, _)| *name != "MAINSTAY_CRYPTO_KEYS");
    environment.extend([
        ("MAINSTAY_CRYPTO_KEYS", keys),
        ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
        ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
    ]);
    let mut session = session(&app.owner_url()).await;
    let mut published = Outside::default();
    for round in 0..4 {
        let serving = Serving::start(program(["serve"]).envs(environment.clone()));
        let sealed = || count(&app, "SELECT coalesce(max(size), 0) FROM audit_checkpoints");
        let before = sealed().await;
        let grown = async {
            let mut n = 0;
            while sealed().await == before {
                write_on(&agent, 3, &format!("round{round}-{n}-")).await;
                n += 1;
            }
        };
        timeout(PATIENCE, grown).await.expect("it seals");
        write_on(&agent, 20, &format!("round{round}-last-")).await;
        serving.signal("KILL");
        drop(serving);
        let keys = keys_of(&mut session, app.database().ring()).await.expect("the keys open");
        let terms = Terms {
            keys: &keys,
            outside: &published,
            kept_since: None,
            sealed_before: mainstay::kernel::Timestamp::UNIX_EPOCH,
        };
        verify_log(&mut session, &terms).await.expect("what was sealed is whole");
        published = self::published(&mut session, &keys).await;
    }
    seal(&app).await;
    let keys = keys_of(&mut session, app.database().ring()).await.expect("the keys open");
    judge(&mut session, &keys, &published).await.expect("the log is whole, and goes on from what was published");
}

async fn exported(session: &mut Session, outside: &Outside) -> Vec<u8> {
    let mut export = Vec::new();
    let extent = Extent { outside: Some(outside), ..Extent::default() };
    export_log(session, &extent, &mut export).await.expect("it is exported");
    export
}

#[tokio::test]
async fn no_altered_export_verifies() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let agent = app.actor(Agent).await;
    write_on(&agent, 5, "more").await;
    seal(&app).await;
    let export = exported(&mut session, &outside).await;
    let whole = verify_export(&export[..], &keys, &outside).expect("it verifies");
    assert_eq!((whole.from, whole.until, whole.outside), (0, whole.checkpoint.size, 1));
    let draw = Draw(Random::seeded(2));
    let lines: Vec<_> = export.split_inclusive(|byte| *byte == b'\n').collect();
    let below = |limit: usize| usize::try_from(draw.below(i64::try_from(limit).expect("small"))).expect("below");
    for n in 0..2_000 {
        let mut altered = export.clone();
        match n % 4 {
            0 => {
                altered = lines.concat();
                altered.truncate(below(export.len() - 1));
            }
            1 => {
                // But for a proof of what the whole tree shows by itself.
                let mut lines = lines.clone();
                lines.remove(below(lines.len() - 2));
                altered = lines.concat();
            }
            2 => {
                let mut lines = lines.clone();
                let (one, other) = (below(lines.len() - 2), below(lines.len() - 2));
                if one == other {
                    continue;
                }
                lines.swap(one, other);
                altered = lines.concat();
            }
            _ => altered[below(export.len())] ^= 1 << below(8),
        }
        let verdict = verify_export(&altered[..], &keys, &outside);
        let line = altered.split(|byte| *byte == b'\n').zip(&lines).position(|(one, other)| !other.starts_with(one));
        assert!(verdict.is_err(), "alteration {n}, from line {line:?} on");
    }
    let stranger = ["PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().expect("a key")];
    let verdict = verify_export(&export[..], &stranger, &Outside::default());
    assert!(matches!(verdict, Err(AuditError::Found(Finding::NotBelieved(NoteError::UnknownKey)))), "{verdict:?}");
}

/// A part of the log proves where it stands, and that the log goes on from a checkpoint that was kept.
#[tokio::test]
async fn a_part_of_the_log_proves_itself() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let agent = app.actor(Agent).await;
    let from = app.runtime().clock.now();
    write_on(&agent, 4, "more").await;
    seal(&app).await;
    let mut export = Vec::new();
    let extent = Extent { from: Some(from), until: None, outside: Some(&outside) };
    assert_eq!(export_log(&mut session, &extent, &mut export).await.expect("it is exported"), 4);
    let part = verify_export(&export[..], &keys, &outside).expect("it verifies");
    assert_eq!((part.until - part.from, part.outside), (4, 1));
    assert!(part.from > 0);
    let mut export = Vec::new();
    let extent = Extent { from: Some(from), ..Extent::default() };
    export_log(&mut session, &extent, &mut export).await.expect("it is exported");
    let verdict = verify_export(&export[..], &keys, &outside);
    assert!(matches!(verdict, Err(AuditError::Export { .. })), "there is no proof about the checkpoint: {verdict:?}");
}
