//! Attacks on second factors: concurrent replays, and a stolen database.

use futures_util::future::join_all;
use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::{Answer, TestApp};
use serde_json::json;
use time::Duration;

use crate::authenticators::{
    Device, add_passkey, enrol, request_options, sign_in, sign_in_by_passkey,
};

const AT_ONCE: usize = 50;

/// Starts a service without throttling, on which the tests must not depend.
async fn start() -> (TestApp, Clock) {
    const UNTHROTTLED: &str = r"
        CREATE OR REPLACE FUNCTION mainstay.admit_attempt(keys bytea[], free integer[], at timestamptz)
        RETURNS timestamptz
        LANGUAGE sql
        AS $$ SELECT NULL::timestamptz $$
    ";

    let clock =
        Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(15));
    let builder = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("database.pool_size", "16");
    let app = builder.setting("http.deadline", "60s").start().await;

    app.owner()
        .await
        .run(UNTHROTTLED, [])
        .await
        .expect("the owner's statement runs");

    (app, clock)
}

/// Number of successes; asserts that all others were refused.
fn successes(answers: &[Answer]) -> usize {
    let (taken, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status.is_success());
    for answer in refused {
        answer.assert_problem(401, "invalid_credentials");
    }
    taken.len()
}

/// OWASP ASVS 6.5.1, 2.3.3.
#[tokio::test]
async fn a_code_in_concurrent_replays_is_accepted_once() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, codes) = enrol(&app, &agent).await;

    clock.advance(Duration::seconds(30));
    let code = totp.code(clock.now());
    assert_eq!(
        successes(&join_all((0..AT_ONCE).map(|_| sign_in(&app, &agent, Some(&code)))).await),
        1,
        "a code of an app"
    );

    let answers = join_all((0..AT_ONCE).map(|_| sign_in(&app, &agent, Some(&codes[0])))).await;
    assert_eq!(successes(&answers), 1, "for recovery");

    let left = agent.get("/v1/me/second-factors").await.json();
    assert_eq!(
        left["recovery_codes"], 9,
        "exactly one recovery code is used"
    );
}

/// OWASP ASVS 6.5.1.
#[tokio::test]
async fn a_passkey_assertion_in_concurrent_replays_is_accepted_once() {
    let (app, _) = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    add_passkey(&agent, &mut device).await;
    let answer = device.answer(&request_options(&app).await).await;
    assert_eq!(
        successes(&join_all((0..AT_ONCE).map(|_| sign_in_by_passkey(&app, &answer))).await),
        1
    );
}

/// A counter value is accepted once, even when two copies answer two challenges at the same time.
#[tokio::test]
async fn two_copies_of_a_passkey_cannot_both_sign_in() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    let mut device = Device::counting();

    add_passkey(&agent, &mut device).await;
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(device.clone().answer(&request_options(&app).await).await);
    }

    assert_eq!(
        successes(
            &join_all(
                answers
                    .iter()
                    .map(|answer| sign_in_by_passkey(&app, answer))
            )
            .await
        ),
        1
    );
}

/// When two factors are removed at the same time, the account does not ask for a removed one.
#[tokio::test]
async fn concurrent_removals_of_factors_leave_none() {
    let (app, _) = start().await;
    for _ in 0..5 {
        let (agent, mut device) = (app.actor(Agent).await, Device::default());
        let passkey = add_passkey(&agent, &mut device).await;
        enrol(&app, &agent).await;

        let path = format!(
            "/v1/me/passkeys/{}",
            passkey["id"].as_str().unwrap_or_default()
        );
        let (one, other) = tokio::join!(agent.delete("/v1/me/totp"), agent.delete(&path));

        assert_eq!(
            (one.status.as_u16(), other.status.as_u16()),
            (204, 204),
            "{one:?} {other:?}"
        );

        let shown = agent.get("/v1/me/second-factors").await.json();
        assert_eq!(
            (&shown["enrolled"], &shown["recovery_codes"]),
            (&json!(false), &json!(0))
        );
        sign_in(&app, &agent, None).await.assert_status(201);
    }
}

/// OWASP ASVS 6.5.2, 11.3.2, 14.2.4: a stolen database yields no codes and nothing about devices.
#[tokio::test]
async fn the_database_reveals_nothing_about_factors() {
    let (app, _) = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    let options = agent
        .request(Method::POST, "/v1/me/totp")
        .send()
        .await
        .assert_status(201)
        .json();

    let pending = options["secret"].as_str().unwrap_or_default().to_owned();
    let (totp, codes) = enrol(&app, &agent).await;
    add_passkey(&agent, &mut device).await;

    let mut found = app.owner().await;
    let mut text = String::new();
    for table in [
        "SELECT t::text FROM totps t",
        "SELECT t::text FROM passkeys t",
        "SELECT t::text FROM recovery_codes t",
    ] {
        let rows = found.run(table, []).await.expect("the table is read");
        text.extend(
            rows.iter()
                .map(|row| row.get::<String>(0).expect("the column is text")),
        );
    }

    let hexadecimal = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };

    let mut canaries = vec![
        pending,
        hexadecimal(totp.secret()),
        hexadecimal(b"Ada's phone"),
    ];

    for code in &codes {
        let plain = code.replace('-', "");
        canaries.extend([
            hexadecimal(plain.as_bytes()),
            hexadecimal(code.as_bytes()),
            plain,
            code.clone(),
        ]);
    }

    for canary in canaries {
        assert!(
            canary.len() > 10 && !text.contains(&canary),
            "{canary} is in the database"
        );
    }
}

/// An attacker who can write to the database cannot replace another account's app or passkey.
#[tokio::test]
async fn factors_cannot_be_moved_to_another_account() {
    const APP: &str = r"
            UPDATE totps v
            SET secret = t.secret
            FROM totps t
            WHERE v.user_id = $1 AND t.user_id = $2
        ";

    const PASSKEY: &str = r"
        WITH gone AS (
            DELETE FROM passkeys
            WHERE user_id = $2
            RETURNING credential, credential_hash
        )
        UPDATE passkeys v
        SET credential = gone.credential, credential_hash = gone.credential_hash
        FROM gone
        WHERE v.user_id = $1
        RETURNING v.id
    ";

    let (app, clock) = start().await;
    let (victim, thief) = (app.actor(Agent).await, app.actor(Agent).await);
    let (mut device, mut own) = (Device::default(), Device::default());

    add_passkey(&victim, &mut device).await;
    add_passkey(&thief, &mut own).await;
    enrol(&app, &victim).await;

    let (totp, _) = enrol(&app, &thief).await;
    // The device claims whose passkey it is, without a signature.
    let victims =
        device.answer(&request_options(&app).await).await["response"]["userHandle"].clone();
    let mut owner = app.owner().await;
    let ids = || [victim.user().uuid().into(), thief.user().uuid().into()];

    owner
        .run(APP, ids())
        .await
        .expect("the owner's statement runs");
    clock.advance(Duration::seconds(30));
    sign_in(&app, &victim, Some(&totp.code(clock.now())))
        .await
        .assert_problem(500, "internal_error");
    assert_eq!(
        owner
            .run(PASSKEY, ids())
            .await
            .expect("the owner's statement runs")
            .len(),
        1
    );

    let mut answer = own.answer(&request_options(&app).await).await;
    answer["response"]["userHandle"] = victims;
    sign_in_by_passkey(&app, &answer)
        .await
        .assert_problem(500, "internal_error");
}
