//! The sealer under adverse conditions: late commits, several sealers, `kill -9`, records from
//! another cluster.

use std::time::Duration;

use mainstay::{
    audit::{Extent, Outside, Terms, export_log, keys_of, verify_export, verify_log},
    kernel::Timestamp,
};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    http::PATIENCE,
    log::{
        DISARM, count, judge, run, seal, seal_once, sealed_log, sealer, session, unsealed,
        unsealed_app, write_on,
    },
    program::{Serving, beside, program},
};

/// A record of an open transaction is sealed after its commit, and later records wait for it.
#[tokio::test]
async fn a_late_commit_is_not_lost() {
    const LATE: &str = r"
        INSERT INTO mainstay.audit_events (id, occurred_at, action, operation, resource, request_id)
        VALUES (
            (
                lpad(
                    to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'
                ) || right(replace(gen_random_uuid()::text, '-', ''), 20)
            )::uuid, now(), 'late', 'test', 'test', gen_random_uuid()
        )
        RETURNING id
    ";

    let app = unsealed_app().await;
    let agent = app.actor(Agent).await;
    seal(&app).await;

    let mut late = session(&app.owner_url()).await;
    run(&mut late, "BEGIN").await;

    let rows = late
        .run("test", LATE, [])
        .await
        .expect("the write succeeds");
    let id: mainstay_database::Uuid = rows[0].get(0).expect("the id is present");
    for n in 0..3 {
        let body = json!({ "full_name": "Ada", "email": format!("{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
        seal_once(&app).await;
    }
    assert!(
        unsealed(&app).await >= 3,
        "records after an open transaction wait for it"
    );

    run(&mut late, "COMMIT").await;
    seal(&app).await;

    const PLACE: &str = r"
        SELECT index,
            (
                SELECT min(l.index)
                FROM mainstay.audit_leaves l
                JOIN mainstay.audit_events e ON e.id = l.event_id
                WHERE e.action = 'customer.created'
            )
        FROM mainstay.audit_leaves
        WHERE event_id = $1
    ";

    let rows = late
        .run("test", PLACE, [id.into()])
        .await
        .expect("the rows are read");
    assert!(
        rows[0].get::<i64>(0).expect("the index is present")
            < rows[0].get::<i64>(1).expect("the index is present")
    );

    let keys = keys_of(&mut late, app.database().ring())
        .await
        .expect("the keys open");
    judge(&mut late, &keys, &Outside::default())
        .await
        .expect("the log is complete");
}

/// Unsealed records in a dump have transaction ids of their original cluster: in the future, or
/// long past.
#[tokio::test]
async fn records_of_another_cluster_are_sealed_too() {
    const FOREIGN: &str = r"
        INSERT INTO mainstay.audit_events (
            id, occurred_at, action, operation, resource, request_id, transaction_id
        )
        SELECT (
            lpad(
                to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'
            ) || right(replace(gen_random_uuid()::text, '-', ''), 20)
        )::uuid, now(), 'foreign', 'test', 'test', gen_random_uuid(), transaction::xid8
        FROM unnest(ARRAY['9000000000000', '3']) AS transaction
    ";

    let (app, mut session, keys) = sealed_log().await;
    run(&mut session, FOREIGN).await;
    seal(&app).await;
    judge(&mut session, &keys, &Outside::default())
        .await
        .expect("the log is complete");

    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM mainstay.audit_events WHERE action = 'foreign'"
        )
        .await,
        2
    );
}

#[tokio::test]
async fn one_sealer_seals_and_another_takes_over() {
    let app = unsealed_app().await;
    let agent = app.actor(Agent).await;

    let (stops, sealers): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let sealer = sealer(app.database());
            (
                stop,
                tokio::spawn(sealer.run(async { drop(stopped.await) })),
            )
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

        timeout(PATIENCE, sealed).await.expect("one sealer seals");
        drop(stop);
        sealers
            .next()
            .expect("a sealer holds the lock")
            .await
            .expect("the sealer stops without a panic");
    }

    let mut session = session(&app.owner_url()).await;
    let keys = keys_of(&mut session, app.database().ring())
        .await
        .expect("the keys open");
    let whole = judge(&mut session, &keys, &Outside::default())
        .await
        .expect("the log is complete");

    assert!(whole.until > 30);
    assert_eq!(
        count(&app, "SELECT count(*) FROM mainstay.audit_keys").await,
        1,
        "the sealers use one key"
    );
}

/// An idle log makes no checkpoints, and a busy one fewer than one per record.
#[tokio::test]
async fn an_idle_log_makes_no_checkpoints() {
    let (app, _session, _) = sealed_log().await;
    let before = count(&app, "SELECT count(*) FROM mainstay.audit_checkpoints").await;
    for _ in 0..3 {
        seal_once(&app).await;
    }
    assert_eq!(
        count(&app, "SELECT count(*) FROM mainstay.audit_checkpoints").await,
        before
    );
}

/// `kill -9` at any step of the sealer.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sealer_leaves_a_consistent_log() {
    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    let agent = app.actor(Agent).await;

    environment.extend([
        ("MAINSTAY_AUDIT_PUBLISH", "stdout".to_owned()),
        ("MAINSTAY_AUDIT_PUBLISH_EVERY", "10ms".to_owned()),
    ]);

    let mut session = session(&app.owner_url()).await;
    let mut kept = Vec::new();
    for round in 0..4 {
        let serving = Serving::start(program(["serve"]).envs(environment.clone()));
        let sealed = || {
            count(
                &app,
                "SELECT coalesce(max(size), 0) FROM mainstay.audit_checkpoints",
            )
        };
        let before = sealed().await;
        let grown = async {
            let mut n = 0;
            while sealed().await == before {
                write_on(&agent, 3, &format!("round{round}-{n}-")).await;
                n += 1;
            }
        };

        timeout(PATIENCE, grown)
            .await
            .expect("the sealer seals records");
        write_on(&agent, 20, &format!("round{round}-last-")).await;

        let keys = keys_of(&mut session, app.database().ring())
            .await
            .expect("the keys open");

        // The auditor has the checkpoints on standard output.
        let collected = async {
            loop {
                if let Ok(outside) = Outside::read(&serving.log(), &keys) {
                    return outside;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };

        kept.push(
            timeout(PATIENCE, collected)
                .await
                .expect("a checkpoint is published"),
        );

        serving.signal("KILL");
        drop(serving);

        for outside in &kept {
            let terms = Terms {
                keys: &keys,
                outside,
                kept_since: None,
                sealed_before: Timestamp::UNIX_EPOCH,
                dated_from: 0,
            };
            verify_log(&mut session, &terms)
                .await
                .expect("the sealed log is complete and continues from the published checkpoint");
        }
    }

    seal(&app).await;
    let keys = keys_of(&mut session, app.database().ring())
        .await
        .expect("the keys open");
    for outside in &kept {
        judge(&mut session, &keys, outside)
            .await
            .expect("the log is complete");
    }
}

/// A backlog is sealed in batches and read in pages, and each page continues the one before.
#[tokio::test]
async fn a_backlog_is_sealed_in_batches_and_read_in_pages() {
    const RECORDS: i64 = 3_500;

    const MANY: &str = r"
        INSERT INTO mainstay.audit_events (id, occurred_at, action, operation, resource, request_id)
        SELECT (
            lpad(
                to_hex((extract(epoch FROM now()) * 1000)::bigint + n), 12, '0'
            ) || right(replace(gen_random_uuid()::text, '-', ''), 20)
        )::uuid, now(), 'many', 'test', 'test', gen_random_uuid()
        FROM generate_series(1, $1) AS n
    ";

    const BATCHES: &str = "SELECT count(*) FROM mainstay.audit_checkpoints";

    let app = unsealed_app().await;
    let mut session = session(&app.owner_url()).await;
    let now = app.runtime().clock.now();

    session
        .run("test", MANY, [RECORDS.into()])
        .await
        .expect("the rows are written");
    seal(&app).await;

    assert!(
        (4..=10).contains(&count(&app, BATCHES).await),
        "a batch has a thousand records"
    );

    let keys = keys_of(&mut session, app.database().ring())
        .await
        .expect("the keys open");
    let whole = judge(&mut session, &keys, &Outside::default())
        .await
        .expect("the log is complete");

    assert!(whole.until >= RECORDS.cast_unsigned());

    // Every signed note can be proved, on any page.
    const NOTES: &str = r"
        SELECT string_agg(note, E'\n' ORDER BY size)
        FROM mainstay.audit_checkpoints
    ";

    let notes: String = session
        .run("test", NOTES, [])
        .await
        .expect("the rows are read")[0]
        .get(0)
        .expect("the column is text");
    let outside = Outside::read(&notes, &keys).expect("the checkpoints are valid");
    let (from, until) = (
        now + time::Duration::milliseconds(900),
        now + time::Duration::milliseconds(3_300),
    );

    for (from, until) in [(None, None), (Some(from), Some(until)), (Some(until), None)] {
        let mut export = Vec::new();
        let extent = Extent {
            from,
            until,
            outside: Some(&outside),
        };

        let count = export_log(&mut session, &extent, &mut export)
            .await
            .expect("the log is exported");
        let part = verify_export(&export[..], &keys, &outside, 0).expect("the log verifies");

        assert_eq!(
            (part.until - part.from, part.outside),
            (count, outside.checkpoints().len())
        );
        assert!(count > 100);
    }

    // A single altered record is found on any page.
    for index in [0, 999, 1_000, 1_023, 1_024, 2_999, 3_400] {
        run(&mut session, "BEGIN").await;
        run(&mut session, DISARM).await;

        let edit = r"
            UPDATE mainstay.audit_events
            SET action = 'few'
            WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = $1)
        ";
        session
            .run("test", edit, [index.into()])
            .await
            .expect("the row is altered");

        let verdict = judge(&mut session, &keys, &outside).await;
        let error = verdict.expect_err("the alteration is found").to_string();
        assert!(
            error.starts_with(&format!("index {index}: record ")),
            "{error}"
        );

        run(&mut session, "ROLLBACK").await;
    }
}

/// A sealer that is stopped just as it loses its connection ends, and the next one continues.
#[tokio::test]
async fn a_sealer_without_a_connection_can_be_stopped() {
    const CUT: &str = r"
        SELECT count(pg_terminate_backend(l.pid))
        FROM pg_locks l
        JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND d.datname = current_database()
    ";

    let app = unsealed_app().await;
    app.actor(Agent).await;

    let mut server = app.serving_role().await;
    let cut = async {
        while unsealed(&app).await > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        let rows = server
            .run(CUT, [])
            .await
            .expect("the role may end its own sessions");
        assert_eq!(
            rows[0].get::<i64>(0).expect("the count is a number"),
            1,
            "the leader holds the lock"
        );
    };

    timeout(PATIENCE, sealer(app.database()).run(cut))
        .await
        .expect("the task ends");
    app.actor(Agent).await;
    seal(&app).await;

    assert_eq!(unsealed(&app).await, 0);
}
