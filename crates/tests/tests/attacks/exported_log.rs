//! Attacks on an export of the log before the auditor gets it.

use mainstay::{
    audit::{AuditError, Extent, Finding, NoteError, Outside, export_log, verify_export},
    database::PostgresSession,
    kernel::Random,
};
use mainstay_access::BuiltInRole::Agent;

use crate::log::{Draw, published, seal, sealed_log, write_on};

async fn exported(session: &mut PostgresSession, outside: &Outside) -> Vec<u8> {
    let mut export = Vec::new();
    let extent = Extent {
        outside: Some(outside),
        ..Extent::default()
    };
    export_log(session, &extent, &mut export)
        .await
        .expect("the log is exported");
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
    let whole = verify_export(&export[..], &keys, &outside, 0).expect("the log verifies");
    assert_eq!(
        (whole.from, whole.until, whole.outside),
        (0, whole.checkpoint.size, 1)
    );

    let draw = Draw(Random::seeded(2));
    let lines: Vec<_> = export.split_inclusive(|byte| *byte == b'\n').collect();
    let below = |limit: usize| {
        usize::try_from(draw.below(i64::try_from(limit).expect("the limit is small")))
            .expect("the number fits")
    };

    for n in 0..2_000 {
        let mut altered = export.clone();
        match n % 4 {
            0 => {
                altered = lines.concat();
                altered.truncate(below(export.len() - 1));
            }
            1 => {
                // Except a proof that the whole tree already implies.
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

        let verdict = verify_export(&altered[..], &keys, &outside, 0);
        let line = altered
            .split(|byte| *byte == b'\n')
            .zip(&lines)
            .position(|(one, other)| !other.starts_with(one));

        assert!(verdict.is_err(), "alteration {n}, from line {line:?} on");
    }

    let stranger = [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .expect("the key is present"),
    ];

    let verdict = verify_export(&export[..], &stranger, &Outside::default(), 0);
    assert!(
        matches!(
            verdict,
            Err(AuditError::Found(Finding::NotBelieved(
                NoteError::UnknownKey
            )))
        ),
        "{verdict:?}"
    );
}

/// A partial export proves its position, and that the log continues from a kept checkpoint.
#[tokio::test]
async fn a_partial_export_verifies() {
    let (app, mut session, keys) = sealed_log().await;
    let outside = published(&mut session, &keys).await;
    let agent = app.actor(Agent).await;
    let from = app.runtime().clock.now();

    write_on(&agent, 4, "more").await;
    seal(&app).await;

    let mut export = Vec::new();
    let extent = Extent {
        from: Some(from),
        until: None,
        outside: Some(&outside),
    };

    assert_eq!(
        export_log(&mut session, &extent, &mut export)
            .await
            .expect("the log is exported"),
        4
    );

    let part = verify_export(&export[..], &keys, &outside, 0).expect("the log verifies");
    assert_eq!((part.until - part.from, part.outside), (4, 1));
    assert!(part.from > 0);

    let mut export = Vec::new();
    let extent = Extent {
        from: Some(from),
        ..Extent::default()
    };
    export_log(&mut session, &extent, &mut export)
        .await
        .expect("the log is exported");

    let verdict = verify_export(&export[..], &keys, &outside, 0);
    assert!(
        matches!(verdict, Err(AuditError::Export { .. })),
        "the export has no proof for the checkpoint: {verdict:?}"
    );
}
