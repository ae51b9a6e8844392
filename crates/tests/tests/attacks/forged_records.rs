//! An attacker with the serving role may insert records. The database sets their time and position,
//! and checks that the actor has the session; `docs/audit.md` describes the rest.

use mainstay::audit::{AuditError, Finding, Outside};
use mainstay_access::BuiltInRole::Agent;
use mainstay_database::{Owner, Uuid, Value};
use serde_json::json;

use crate::log::{judge, run, seal, sealed_log, unsealed_app};

/// `$1` is the offset of its time from now, `$2` the offset of its id, `$3` the actor, `$4` the
/// session.
const FORGE: &str = r"
    INSERT INTO mainstay.audit_events (
        id, occurred_at, organization_id, actor_id, session_id, action, operation, resource,
        request_id
    )
    SELECT (
        lpad(
            to_hex((extract(epoch FROM clock_timestamp() + $2::text::interval) * 1000)::bigint), 12,
            '0'
        ) || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19)
    )::uuid, clock_timestamp() + $1::text::interval,
        (SELECT id FROM mainstay.organizations LIMIT 1), $3, $4, 'customer.deleted',
        'delete_customer', 'customer', gen_random_uuid()
";

async fn forge(
    role: &mut Owner,
    moment: &str,
    id: &str,
    actor: Option<Uuid>,
    session: Option<Uuid>,
) -> Result<(), String> {
    let values: [Value; 4] = [moment.into(), id.into(), actor.into(), session.into()];
    let outcome = role.run(FORGE, values).await;
    outcome
        .map(drop)
        .map_err(|error| format!("{error}: {}", error.cause().unwrap_or_default()))
}

#[tokio::test]
async fn a_record_must_have_the_current_time() {
    let app = unsealed_app().await;
    app.actor(Agent).await;

    for mut role in [app.serving_role().await, app.owner().await] {
        for (moment, id) in [
            ("-3 days", "-3 days"),
            ("-6 minutes", "-6 minutes"),
            ("2 minutes", "2 minutes"),
            ("3 days", "3 days"),
            // The id of then with the time of now, and the other way round.
            ("0", "-3 days"),
            ("-3 days", "0"),
            ("0", "2 minutes"),
            ("infinity", "0"),
        ] {
            let moment = if moment == "infinity" {
                "100000 years"
            } else {
                moment
            };
            let refused = forge(&mut role, moment, id, None, None)
                .await
                .expect_err("the record was written");
            assert!(refused.contains("22008"), "{moment}, {id}: {refused}");
        }

        forge(&mut role, "-1 minute", "-1 minute", None, None)
            .await
            .expect("a record of the current time is written");
    }
}

#[tokio::test]
async fn a_record_must_have_a_session_of_its_actor() {
    const SESSION: &str = "SELECT id FROM mainstay.sessions WHERE user_id = $1";

    let app = unsealed_app().await;
    let (one, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let mut role = app.serving_role().await;
    let rows = role
        .run(SESSION, [one.user().uuid().into()])
        .await
        .expect("sessions are read");

    let session: Uuid = rows[0].get(0).expect("the id is present");
    let (one, other) = (one.user().uuid(), other.user().uuid());
    for (actor, session) in [
        (Some(other), Some(session)),
        (Some(one), None),
        (None, Some(session)),
        (Some(one), Some(one)),
        (Some(Uuid::from_u128(1)), Some(session)),
    ] {
        let refused = forge(&mut role, "0", "0", actor, session).await;
        assert!(refused.is_err(), "{actor:?} in {session:?} was written");
    }

    // A forged record with the account's own session cannot be detected.
    forge(&mut role, "0", "0", Some(one), Some(session))
        .await
        .expect("the write succeeds");
}

/// The owner can drop the trigger, but then the order of the leaves reveals the record.
#[tokio::test]
async fn a_misdated_record_is_found_by_its_position() {
    const UNGUARDED: &str = "DROP TRIGGER audit_events_time ON mainstay.audit_events";

    for (moment, id) in [("-3 days", "-3 days"), ("0", "-3 days"), ("-3 days", "0")] {
        let (app, mut session, keys) = sealed_log().await;
        let mut owner = app.owner().await;
        judge(&mut session, &keys, &Outside::default())
            .await
            .expect("the log verifies so far");
        run(&mut session, UNGUARDED).await;
        forge(&mut owner, moment, id, None, None)
            .await
            .expect("the write succeeds");

        seal(&app).await;
        let verdict = judge(&mut session, &keys, &Outside::default()).await;
        assert!(
            matches!(verdict, Err(AuditError::Found(Finding::Misdated { .. }))),
            "{moment}, {id}: {verdict:?}"
        );
    }
}

/// A record from the future is revealed by the next record.
#[tokio::test]
async fn a_record_of_the_future_is_found_by_the_next() {
    const UNGUARDED: &str = "DROP TRIGGER audit_events_time ON mainstay.audit_events";

    let (app, mut session, keys) = sealed_log().await;
    run(&mut session, UNGUARDED).await;
    forge(&mut app.owner().await, "3 days", "3 days", None, None)
        .await
        .expect("the write succeeds");
    seal(&app).await;

    app.actor(Agent)
        .await
        .post(
            "/v1/customers",
            json!({ "full_name": "Ada", "email": "a@example.org" }),
        )
        .await;

    seal(&app).await;
    let verdict = judge(&mut session, &keys, &Outside::default()).await;
    assert!(
        matches!(verdict, Err(AuditError::Found(Finding::Misdated { .. }))),
        "{verdict:?}"
    );
}
