//! Attacks on the sealed log by its owner with the triggers disabled: altering records, rebuilding
//! the tree, truncating it (OWASP ASVS 16.4.2). `crates/audit/src/verify/tests.rs` tests the
//! verification alone with ten thousand mutations; here it reads from a real database.

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

/// Changes to the row of index `$1`; `$2` is another index, `$3` a random number. Each changes
/// something.
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
    // Swaps the ids of two records.
    r"
        UPDATE mainstay.audit_events e
        SET (
            occurred_at, organization_id, actor_id, session_id, action, operation,
            resource, resource_id, request_id, address, before, after, transaction_id
        ) = (
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
    // Moves a record to yesterday in all three tables.
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
async fn every_change_by_the_owner_is_detected() {
    const HELPERS: &str = r"
        DO $$
        BEGIN
            CREATE FUNCTION at(place bigint)
            RETURNS uuid
            LANGUAGE sql
            STABLE
            AS 'SELECT event_id FROM mainstay.audit_leaves WHERE index = place';

            CREATE FUNCTION newest()
            RETURNS bigint
            LANGUAGE sql
            STABLE
            AS 'SELECT max(size) FROM mainstay.audit_checkpoints';

            CREATE FUNCTION earlier()
            RETURNS bigint
            LANGUAGE sql
            STABLE
            AS 'SELECT size FROM mainstay.audit_checkpoints ORDER BY size DESC OFFSET 1 LIMIT 1';
        END $$
    ";

    let (_app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    run(&mut session, HELPERS).await;

    let whole = judge(&mut session, &keys, &outside)
        .await
        .expect("the log is complete");
    assert!(whole.until > 15 && whole.outside == 1, "{whole:?}");

    let draw = Draw(Random::seeded(1));
    let size = i64::try_from(whole.until).expect("the size is small");
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
                Ok(_) => panic!(
                    "round {round}, index {at} and {other}: the change was not found: {text}"
                ),
            }

            run(&mut session, "ROLLBACK").await;
            done += 1;
        }
    }

    assert!(done > 350, "only {done}");

    judge(&mut session, &keys, &outside)
        .await
        .expect("the log is complete again");
}

/// Prepares the tables for a rebuilt log.
const CLEAR: &[&str] = &[
    r"
        UPDATE mainstay.audit_events
        SET after = '{}'
        WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = 3)
    ",
    "DELETE FROM mainstay.audit_leaves",
    "DELETE FROM mainstay.audit_checkpoints",
];

async fn rebuild(
    app: &TestApp,
    session: &mut PostgresSession,
    database: &Database,
    also: &[&'static str],
) {
    run(session, DISARM).await;

    for statement in CLEAR.iter().chain(also) {
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
async fn a_tree_under_another_key_is_detected() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let ring =
        KeyRing::parse(&KeyRing::generate(&Random::default())).expect("the key ring is valid");
    let mut reader = Reader::new([(
        "MAINSTAY_DATABASE_URL".to_owned(),
        app.database_url().expose_secret().to_owned(),
    )]);

    let settings = mainstay::database::Settings::read(&mut reader).expect("the settings are valid");
    let forger = Database::new(&settings, ring, Runtime::default()).expect("the pool opens");
    rebuild(
        &app,
        &mut session,
        &forger,
        &["DELETE FROM mainstay.audit_keys"],
    )
    .await;

    let verdict = judge(&mut session, &keys, &Outside::default()).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");

    // With an external checkpoint, the first checkpoint already shows it.
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(matches!(verdict, Err(AuditError::Found(_))), "{verdict:?}");

    // Without a pinned key, the report says that the key is not on the ring.
    let opened = keys_of(&mut session, app.database().ring()).await;
    assert!(matches!(opened, Err(AuditError::Key(_))));

    // The service's own sealer refuses to continue from it.
    let before = count(&app, "SELECT max(size) FROM mainstay.audit_checkpoints").await;
    app.actor(Agent).await;

    let refused = timeout(
        Duration::from_secs(3),
        sealer(app.database()).run(sleep(Duration::from_secs(1))),
    )
    .await;

    assert!(refused.is_ok(), "the sealer stops");
    assert_eq!(
        count(&app, "SELECT max(size) FROM mainstay.audit_checkpoints").await,
        before
    );
}

/// With the database and the ring, an attacker can rebuild a consistent log, but not one that
/// matches an external checkpoint.
#[tokio::test]
async fn a_tree_under_the_stolen_key_is_detected_by_an_external_checkpoint() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    rebuild(&app, &mut session, app.database(), &[]).await;
    judge(&mut session, &keys, &Outside::default())
        .await
        .expect("the rebuilt log is consistent");
    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Forked { .. }))),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_log_truncated_to_yesterday_is_detected_by_an_external_checkpoint() {
    const YESTERDAY: &[&str] = &[
        r"
            CREATE TEMPORARY TABLE later AS
            SELECT event_id
            FROM mainstay.audit_leaves
            WHERE index >= (
                SELECT size
                FROM mainstay.audit_checkpoints
                ORDER BY size DESC
                OFFSET 1
                LIMIT 1
            )
        ",
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
        .expect("yesterday's log verifies");

    let verdict = judge(&mut session, &keys, &outside).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Cut { .. }))),
        "{verdict:?}"
    );

    // The truncated log grows past its old size.
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
