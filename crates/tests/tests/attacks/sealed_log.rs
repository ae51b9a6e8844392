//! The sealed log against those who may do anything to its tables: the schema's owner with the triggers disabled, somebody
//! who rebuilds the tree or cuts it back (OWASP ASVS 16.4.2). What the judgement alone makes of ten thousand mutations
//! stands in `crates/audit/src/verify/tests.rs`; here it reads them from a real database.

use std::time::Duration;

use mainstay::{
    audit::{AuditError, Finding, Outside, keys_of},
    config::Reader,
    crypto::KeyRing,
    database::{Database, PostgresSession},
    kernel::{ExposeSecret as _, Random, Runtime},
};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    http::PATIENCE,
    log::{DISARM, Draw, count, judge, published, run, seal, sealed_log, sealer, unsealed},
};

/// What the attacker does to the row of index `$1`; `$2` is another index, `$3` a random number. Each changes something.
const MUTATIONS: &[&str] = &[
    r"
        UPDATE mainstay.audit_events
        SET id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET occurred_at = occurred_at + make_interval(secs => 0.000001 + $3)
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET occurred_at = occurred_at - interval '4000 years'
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET organization_id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET actor_id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET session_id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET action = action || ' '
        WHERE id = at($1)
    ",
    "UPDATE mainstay.audit_events SET operation = $3::text WHERE id = at($1)",
    r"
        UPDATE mainstay.audit_events
        SET resource = upper(resource)
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET resource_id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET request_id = gen_random_uuid()
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET address = '192.0.2.' || $3
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET before = coalesce(before, '{}') || jsonb_build_object('x', $3)
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET after = coalesce(after, '{}') || jsonb_build_object('x', $3)
        WHERE id = at($1)
    ",
    r"
        UPDATE mainstay.audit_events
        SET transaction_id = (transaction_id::text::bigint + 1)::text::xid8
        WHERE id = at($1)
    ",
    "DELETE FROM mainstay.audit_events WHERE id = at($1)",
    "DELETE FROM mainstay.audit_events WHERE id IN (at($1), at($2))",
    r"
        INSERT INTO mainstay.audit_events
        SELECT gen_random_uuid(), occurred_at, organization_id, actor_id, session_id, action,
            operation, resource, resource_id, request_id, address, before, after
        FROM mainstay.audit_events
        WHERE id = at($1)
    ",
    // Two records under each other's ids.
    r"
        UPDATE mainstay.audit_events e
        SET (occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id, address, before, after, transaction_id) = (
            o.occurred_at, o.organization_id, o.actor_id, o.session_id, o.action, o.operation,
            o.resource, o.resource_id, o.request_id, o.address, o.before, o.after, o.transaction_id
        )
        FROM mainstay.audit_events o
        WHERE (e.id, o.id) IN ((at($1), at($2)), (at($2), at($1)))
    ",
    r"
        UPDATE mainstay.audit_leaves
        SET hash = sha256($3::text::bytea)
        WHERE index = $1
    ",
    r"
        UPDATE mainstay.audit_leaves
        SET event_id = gen_random_uuid()
        WHERE index = $1
    ",
    r"
        UPDATE mainstay.audit_leaves l
        SET hash = o.hash
        FROM mainstay.audit_leaves o
        WHERE (l.index, o.index) IN (($1, $2), ($2, $1))
    ",
    "DELETE FROM mainstay.audit_leaves WHERE index = $1",
    r"
        INSERT INTO mainstay.audit_leaves
        SELECT max(index) + 1, gen_random_uuid(), sha256($3::text::bytea)
        FROM mainstay.audit_leaves
    ",
    r"
        WITH gone AS (
            DELETE FROM mainstay.audit_leaves
            WHERE index = $1
            RETURNING event_id
        )
        DELETE FROM mainstay.audit_events e
        USING gone
        WHERE e.id = gone.event_id
    ",
    r"
        DELETE FROM mainstay.audit_checkpoints
        WHERE size = (SELECT max(size) FROM mainstay.audit_checkpoints)
    ",
    r"
        UPDATE mainstay.audit_checkpoints
        SET root = sha256($3::text::bytea)
        WHERE size = newest()
    ",
    r"
        UPDATE mainstay.audit_checkpoints
        SET frontier = sha256($3::text::bytea) || frontier
        WHERE size = newest()
    ",
    r"
        UPDATE mainstay.audit_checkpoints
        SET note = replace(note, '=', '')
        WHERE size = newest()
    ",
    r"
        UPDATE mainstay.audit_checkpoints
        SET note = replace(note, newest()::text, (newest() - 1)::text)
        WHERE size = newest()
    ",
    r"
        UPDATE mainstay.audit_checkpoints
        SET size = size + 1 + $3
        WHERE size = newest()
    ",
    "DELETE FROM mainstay.audit_checkpoints WHERE size > $1",
    // Yesterday, in all three tables at once.
    r"
        WITH checkpoints AS (DELETE FROM mainstay.audit_checkpoints WHERE size = newest()),
        leaves AS (
            DELETE FROM mainstay.audit_leaves
            WHERE index >= earlier()
            RETURNING event_id
        )
        DELETE FROM mainstay.audit_events e
        USING leaves
        WHERE e.id = leaves.event_id
    ",
];

#[tokio::test]
async fn the_owner_of_the_tables_changes_nothing_unseen() {
    const HELPERS: &str = "DO $$ BEGIN \
         CREATE FUNCTION at(place bigint) RETURNS uuid LANGUAGE sql STABLE AS \
             'SELECT event_id FROM mainstay.audit_leaves WHERE index = place'; \
         CREATE FUNCTION newest() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT max(size) FROM mainstay.audit_checkpoints'; \
         CREATE FUNCTION earlier() RETURNS bigint LANGUAGE sql STABLE AS \
             'SELECT size FROM mainstay.audit_checkpoints ORDER BY size DESC OFFSET 1 LIMIT 1'; \
         END $$";

    let (_app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    run(&mut session, HELPERS).await;

    let whole = judge(&mut session, &keys, &outside)
        .await
        .expect("the log is whole");
    assert!(whole.until > 15 && whole.outside == 1, "{whole:?}");

    let draw = Draw(Random::seeded(1));
    let size = i64::try_from(whole.until).expect("it is small");
    let mut done = 0;
    for round in 0..12 {
        for text in MUTATIONS.iter().copied() {
            let at = draw.below(size);
            let other = (at + 1 + draw.below(size - 1)) % size;
            run(&mut session, "BEGIN").await;
            run(&mut session, DISARM).await;

            let outcome = session
                .run(
                    "test",
                    text,
                    [at.into(), other.into(), (1 + draw.below(200)).into()],
                )
                .await;

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

    judge(&mut session, &keys, &outside)
        .await
        .expect("the log is whole again");
}

/// What the attacker does before he makes the log anew.
const UNMAKE: &[&str] = &[
    r"
        UPDATE mainstay.audit_events
        SET after = '{}'
        WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = 3)
    ",
    "DELETE FROM mainstay.audit_leaves",
    "DELETE FROM mainstay.audit_checkpoints",
];

async fn make_anew(
    app: &TestApp,
    session: &mut PostgresSession,
    database: &Database,
    also: &[&'static str],
) {
    run(session, DISARM).await;

    for statement in UNMAKE.iter().chain(also) {
        run(session, statement).await;
    }

    let sealed = async {
        while unsealed(app).await > 0 {
            sealer(database).run(async {}).await;
        }
    };

    timeout(PATIENCE, sealed)
        .await
        .expect("the attacker's log is sealed");
}

#[tokio::test]
async fn a_tree_under_another_key_is_not_believed() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let ring = KeyRing::parse(&KeyRing::generate(&Random::default())).expect("a ring");
    let mut reader = Reader::new([(
        "MAINSTAY_DATABASE_URL".to_owned(),
        app.database_url().expose_secret().to_owned(),
    )]);

    let settings = mainstay::database::Settings::read(&mut reader).expect("the settings are right");
    let forger = Database::new(&settings, ring, Runtime::default()).expect("a pool");
    make_anew(
        &app,
        &mut session,
        &forger,
        &["DELETE FROM mainstay.audit_keys"],
    )
    .await;

    let verdict = judge(&mut session, &keys, &Outside::default()).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");

    // It is the first checkpoint that shows it already when there is one from outside.
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");

    // Whoever asks with the ring and no pinned key is told that the key is not of the ring.
    let opened = keys_of(&mut session, app.database().ring()).await;
    assert!(matches!(opened, Err(AuditError::Key(_))));

    // And the service's own sealer does not go on from it.
    let before = count(&app, "SELECT max(size) FROM mainstay.audit_checkpoints").await;
    app.actor(Agent).await;

    let refused = timeout(
        Duration::from_secs(3),
        sealer(app.database()).run(sleep(Duration::from_secs(1))),
    )
    .await;

    assert!(refused.is_ok(), "it ends when it is told to");
    assert_eq!(
        count(&app, "SELECT max(size) FROM mainstay.audit_checkpoints").await,
        before
    );
}

/// Who has database and ring makes a log that nothing inside contradicts: the checkpoint outside does.
#[tokio::test]
async fn a_tree_under_the_stolen_key_is_told_by_a_checkpoint_from_outside() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    make_anew(&app, &mut session, app.database(), &[]).await;
    judge(&mut session, &keys, &Outside::default())
        .await
        .expect("nothing inside shows it");
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Forked { .. }))),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_log_cut_back_to_yesterday_is_told_by_a_checkpoint_from_outside() {
    const YESTERDAY: &[&str] = &[
        "CREATE TEMPORARY TABLE later AS SELECT event_id FROM mainstay.audit_leaves \
             WHERE index >= (SELECT size FROM mainstay.audit_checkpoints ORDER BY size DESC OFFSET 1 LIMIT 1)",
        r"
            DELETE FROM mainstay.audit_checkpoints
            WHERE size = (SELECT max(size) FROM mainstay.audit_checkpoints)
        ",
        r"
            DELETE FROM mainstay.audit_leaves
            USING later
            WHERE audit_leaves.event_id = later.event_id
        ",
        r"
            DELETE FROM mainstay.audit_events
            USING later
            WHERE audit_events.id = later.event_id
        ",
    ];

    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    run(&mut session, DISARM).await;

    for statement in YESTERDAY {
        run(&mut session, statement).await;
    }

    judge(&mut session, &keys, &Outside::default())
        .await
        .expect("yesterday was right");

    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Cut { .. }))),
        "{verdict:?}"
    );

    // It goes on as if nothing had been, and grows beyond where it was.
    let agent = app.actor(Agent).await;
    let size = outside.checkpoints()[0].size;

    for n in 0..size {
        let body = json!({ "full_name": "Bea", "email": format!("bea{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }

    seal(&app).await;
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Forked { .. }))),
        "{verdict:?}"
    );
}
