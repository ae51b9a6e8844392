//! Old checkpoints are thinned by a rule, and the log still verifies: for an auditor, with an
//! external checkpoint that was deleted here, and against changes of records near deleted
//! checkpoints.

use std::collections::BTreeSet;

use mainstay::{
    audit::{AuditError, Finding, Outside, keys_of, thin_checkpoints},
    kernel::{Clock, Runtime},
};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use time::Duration;

use crate::log::{DISARM, count, judge, run, seal, session, write_on};

const SIZES: &str = r"
    SELECT size, to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
        to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24'),
        now() - sealed_at > interval '1 day', now() - sealed_at > interval '30 days'
    FROM mainstay.audit_checkpoints
    ORDER BY size
";

/// The current checkpoints, and those that the rule keeps.
async fn kept(app: &TestApp) -> (Vec<i64>, Vec<i64>) {
    let rows = app
        .owner()
        .await
        .run(SIZES, [])
        .await
        .expect("the rows are read");

    let (mut all, mut kept) = (Vec::new(), BTreeSet::new());
    let mut last: Option<(i64, String)> = None;
    for row in &rows {
        let get = |position| row.get::<bool>(position).expect("the column is a boolean");
        let size: i64 = row.get(0).expect("the size is a number");
        let period: String = match (get(3), get(4)) {
            (false, _) => size.to_string(),
            (_, false) => row.get(2).expect("the column is an hour"),
            _ => row.get(1).expect("the column is a day"),
        };

        if let Some((before, other)) = last.replace((size, period.clone()))
            && other != period
        {
            kept.insert(before);
        }

        all.push(size);
    }

    kept.extend(last.map(|(size, _)| size));

    (all, kept.into_iter().collect())
}

#[tokio::test]
async fn replaced_checkpoints_are_deleted_and_proofs_remain() {
    let start = Runtime::default().clock.now() - Duration::days(33);
    let clock = Clock::manual(start);
    let builder = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("jobs.in_process", "false");
    let app = builder.start().await;

    let steps = [
        0,
        1,
        60,
        1,
        60 * 24,
        1,
        60 * 24 * 5,
        1,
        1,
        60,
        1,
        60 * 24 * 26 + 700,
        1,
        1,
    ];

    for (n, minutes) in steps.into_iter().enumerate() {
        clock.advance(Duration::minutes(minutes));
        let agent = app.actor(Agent).await;
        write_on(&agent, 2, &format!("{n}-")).await;
        seal(&app).await;
    }

    let mut session = session(&app.owner_url()).await;
    let keys = keys_of(&mut session, app.database().ring())
        .await
        .expect("the keys open");

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

    let (all, kept_by_rule) = kept(&app).await;
    assert!(
        kept_by_rule.len() + 4 < all.len(),
        "{} of {}",
        kept_by_rule.len(),
        all.len()
    );

    let thinned = thin_checkpoints(app.database())
        .await
        .expect("the checkpoints are thinned");
    assert_eq!(
        usize::try_from(thinned).expect("the number is small"),
        all.len() - kept_by_rule.len()
    );
    assert_eq!(kept(&app).await.0, kept_by_rule);
    assert_eq!(
        thin_checkpoints(app.database())
            .await
            .expect("no checkpoint is left to thin"),
        0
    );

    // The log verifies against every checkpoint ever published, including deleted ones, and
    // continues.
    let whole = judge(&mut session, &keys, &outside)
        .await
        .expect("the log is complete");
    assert_eq!(whole.outside, all.len());

    write_on(&app.actor(Agent).await, 2, "on-").await;
    seal(&app).await;
    judge(&mut session, &keys, &outside)
        .await
        .expect("the log is complete");

    // A record is altered consistently, where all near checkpoints were deleted.
    const ALTER: &str = r"
        UPDATE mainstay.audit_events
        SET action = 'few'
        WHERE id = (SELECT event_id FROM mainstay.audit_leaves WHERE index = 1)
    ";
    const LEAF: &str = "UPDATE mainstay.audit_leaves SET hash = sha256('x') WHERE index = 1";

    run(&mut session, DISARM).await;
    run(&mut session, LEAF).await;

    let verdict = judge(&mut session, &keys, &Outside::default()).await;
    assert!(
        matches!(
            verdict,
            Err(AuditError::Found(Finding::Altered { index: 1, .. }))
        ),
        "{verdict:?}"
    );

    run(&mut session, ALTER).await;
    judge(&mut session, &keys, &Outside::default())
        .await
        .expect_err("the alteration is found");
}

/// Neither the serving role nor the owner can delete a checkpoint that the rule keeps.
#[tokio::test]
async fn a_needed_checkpoint_cannot_be_deleted() {
    let (app, _session, _) = crate::log::sealed_log().await;
    let before = count(&app, "SELECT count(*) FROM mainstay.audit_checkpoints").await;
    assert_eq!(
        thin_checkpoints(app.database())
            .await
            .expect("all checkpoints are of today"),
        0
    );

    for mut role in [app.serving_role().await, app.owner().await] {
        for statement in [
            "DELETE FROM mainstay.audit_checkpoints",
            r"
                DELETE FROM mainstay.audit_checkpoints
                WHERE size = (SELECT max(size) FROM mainstay.audit_checkpoints)
            ",
            r"
                UPDATE mainstay.audit_checkpoints
                SET sealed_at = sealed_at - interval '40 days'
            ",
            "TRUNCATE mainstay.audit_checkpoints",
        ] {
            let error = role
                .run(statement, [])
                .await
                .err()
                .unwrap_or_else(|| panic!("{statement}: the statement succeeded"));
            assert!(
                error.cause().unwrap_or_default().starts_with("42501"),
                "{statement}: {error}"
            );
        }
    }

    assert_eq!(
        count(&app, "SELECT count(*) FROM mainstay.audit_checkpoints").await,
        before
    );
}
