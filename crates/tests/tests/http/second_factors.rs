//! `/v1/me/second-factors`, `/v1/me/totp`, `/v1/me/recovery-codes`, and the second factor of a
//! sign-in and a step-up.

use mainstay::{
    access::BuiltInRole::Agent,
    database::{Origin, Sql},
    identity::reset_second_factors,
    kernel::{Clock, Timestamp, Uuid},
};
use mainstay_testing::{Actor, Answer, Client, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::authenticators::{App, enrol, recovery_codes, sign_in, signed_in, was_notified};

/// Starts a service with a manual clock, in the middle of a TOTP step.
async fn start() -> (TestApp, Clock) {
    let clock =
        Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(15));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    (
        builder
            .setting("identity.access_token_lifetime", "60m")
            .start()
            .await,
        clock,
    )
}

fn next_step(clock: &Clock) -> Timestamp {
    clock.advance(Duration::seconds(30));
    clock.now()
}

async fn factors(actor: &Client) -> Value {
    actor
        .get("/v1/me/second-factors")
        .await
        .assert_status(200)
        .json()
}

async fn step_up(actor: &Client, body: Value) -> Answer {
    actor.post("/v1/sessions/current/step-up", body).await
}

/// Calls a sensitive operation that does not affect the test.
async fn sensitive_operation(actor: &Client) -> Answer {
    actor.post("/v1/me/totp", json!({})).await
}

#[tokio::test]
async fn an_app_is_active_once_a_code_has_confirmed_it() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    agent
        .post("/v1/me/totp/confirmation", json!({ "code": "123456" }))
        .await
        .assert_problem(404, "not_found");

    let enrolment = agent
        .post("/v1/me/totp", json!({}))
        .await
        .assert_status(201)
        .json();

    assert!(
        enrolment["uri"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/localhost:agent-"),
        "{enrolment}"
    );
    assert!(enrolment["qr_code"].as_str().unwrap().contains("<svg"));
    assert!(
        enrolment["secret"].as_str().unwrap().len() >= 32,
        "160 bits"
    );

    let totp = App::of(&enrolment);
    sign_in(&app, &agent, None).await.assert_status(201);

    let confirm = async |code: String| {
        agent
            .post("/v1/me/totp/confirmation", json!({ "code": code }))
            .await
    };

    confirm(totp.wrong_code(clock.now()))
        .await
        .assert_problem(422, "wrong_code");
    assert_eq!(factors(&agent).await["enrolled"], false);

    let codes = recovery_codes(
        &confirm(totp.code(clock.now()))
            .await
            .assert_status(200)
            .json(),
    );

    assert_eq!(codes.len(), 10);
    confirm(totp.code(clock.now()))
        .await
        .assert_problem(404, "not_found");

    let shown = factors(&agent).await;
    assert_eq!(
        (&shown["enrolled"], &shown["recovery_codes"]),
        (&json!(true), &json!(10))
    );
    assert!(
        shown["totp_since"].is_string()
            && agent.get("/v1/me").await.json()["second_factor"] == true
    );

    // OWASP ASVS 6.3.7.
    assert!(was_notified(&app, &agent, "A second factor was added to your account").await);

    // The code has proved the factor, so this session counts as newly authenticated.
    sensitive_operation(&agent).await.assert_status(201);
}

/// OWASP ASVS 6.3.8: a wrong password does not reveal whether there is a second factor.
#[tokio::test]
async fn a_sign_in_requires_the_password_and_a_code() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;
    let now = next_step(&clock);
    let asked = sign_in(&app, &agent, None).await;

    asked.assert_problem(401, "second_factor_required");
    assert_eq!(
        asked.json()["second_factors"],
        json!(["totp", "recovery_code"])
    );

    for code in [None, Some(totp.code(now))] {
        let body = json!({ "email": agent.email(), "password": "not the password", "code": code });
        let refused = app.anonymous().post("/v1/sessions", body).await;
        refused.assert_problem(401, "invalid_credentials");
        assert!(
            refused.json().get("second_factors").is_none(),
            "{}",
            refused.text()
        );
    }

    let step = step_up(&agent, json!({ "password": PASSWORD })).await;
    assert_eq!(
        step.assert_problem(401, "second_factor_required").json()["second_factors"],
        json!(["totp", "recovery_code"])
    );
    sign_in(&app, &agent, Some(&totp.wrong_code(now)))
        .await
        .assert_problem(401, "invalid_credentials");

    let session = signed_in(&app, &sign_in(&app, &agent, Some(&totp.code(now))).await);
    sensitive_operation(&session).await.assert_status(201);

    let mut owner = app.owner().await;
    let events = owner.run(
        r"
            SELECT action
            FROM mainstay.audit_events
            WHERE action LIKE 'authn_%'
            ORDER BY action
        ",
        [],
    );

    let events: Vec<String> = events
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();

    let expected = [
        "authn_login_fail",
        "authn_login_fail",
        "authn_login_fail",
        "authn_login_success",
        "authn_login_success",
        "authn_second_factor_begun",
        "authn_second_factor_begun",
        "authn_second_factor_enrolled",
        "authn_second_factor_required",
        "authn_second_factor_success",
    ];

    assert_eq!(events, expected);
}

/// OWASP ASVS 6.5.1, 6.5.5: once, for thirty seconds and one step of clock difference.
#[tokio::test]
async fn a_code_works_once_and_for_a_minute_at_most() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;
    let first = clock.now();

    // The code that confirmed the app is used up.
    sign_in(&app, &agent, Some(&totp.code(first)))
        .await
        .assert_problem(401, "invalid_credentials");

    let second = next_step(&clock);
    sign_in(&app, &agent, Some(&totp.code(second)))
        .await
        .assert_status(201);
    sign_in(&app, &agent, Some(&totp.code(second)))
        .await
        .assert_problem(401, "invalid_credentials");

    // A code one step ahead is accepted, and all earlier codes are used up.
    let ahead = second + Duration::seconds(30);
    sign_in(&app, &agent, Some(&totp.code(ahead)))
        .await
        .assert_status(201);

    next_step(&clock);
    sign_in(&app, &agent, Some(&totp.code(ahead)))
        .await
        .assert_problem(401, "invalid_credentials");

    // A code one step late is accepted, two steps late is not.
    clock.advance(Duration::minutes(5));

    let now = clock.now();
    sign_in(&app, &agent, Some(&totp.code(now - Duration::seconds(60))))
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, Some(&totp.code(now + Duration::seconds(60))))
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, Some(&totp.code(now - Duration::seconds(30))))
        .await
        .assert_status(201);
}

/// OWASP ASVS 6.5.1 to 6.5.4.
#[tokio::test]
async fn a_recovery_code_replaces_an_app_code_once() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    let (_, codes) = enrol(&app, &agent).await;

    assert!(
        codes.iter().all(|code| code.replace('-', "").len() == 25),
        "{codes:?}: each code needs 125 bits"
    );

    let typed = codes[0].to_lowercase().replace('-', " ");
    let session = signed_in(&app, &sign_in(&app, &agent, Some(&typed)).await);
    assert!(was_notified(&app, &agent, "A recovery code was used").await);
    sign_in(&app, &agent, Some(&codes[0]))
        .await
        .assert_problem(401, "invalid_credentials");
    assert_eq!(factors(&session).await["recovery_codes"], 9);

    let request = session.post("/v1/me/recovery-codes", json!({})).await;
    let fresh = recovery_codes(&request.assert_status(200).json());
    assert!(was_notified(&app, &agent, "Your recovery codes were replaced").await);
    assert_eq!(
        (fresh.len(), &factors(&agent).await["recovery_codes"]),
        (10, &json!(10))
    );
    sign_in(&app, &agent, Some(&codes[1]))
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, Some(&fresh[1]))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn without_a_second_factor_there_are_no_recovery_codes() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    agent
        .post("/v1/me/recovery-codes", json!({}))
        .await
        .assert_problem(409, "no_second_factor");
    agent
        .delete("/v1/me/totp")
        .await
        .assert_problem(404, "not_found");
}

/// OWASP ASVS 7.5.1, 7.5.3: with a second factor, the password alone is not enough for a step-up.
#[tokio::test]
async fn a_step_up_requires_the_second_factor() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, codes) = enrol(&app, &agent).await;

    clock.advance(Duration::minutes(11));
    sensitive_operation(&agent)
        .await
        .assert_problem(401, "step_up_required");
    step_up(&agent, json!({}))
        .await
        .assert_problem(422, "invalid_input");
    step_up(&agent, json!({ "password": PASSWORD }))
        .await
        .assert_problem(401, "second_factor_required");
    step_up(&agent, json!({ "code": totp.wrong_code(clock.now()) }))
        .await
        .assert_problem(401, "invalid_credentials");

    let wrong = json!({ "password": "not the password", "code": totp.code(clock.now()) });
    step_up(&agent, wrong)
        .await
        .assert_problem(401, "invalid_credentials");
    sensitive_operation(&agent)
        .await
        .assert_problem(401, "step_up_required");

    // The wrong password has not used up the code.
    step_up(
        &agent,
        json!({ "password": PASSWORD, "code": totp.code(clock.now()) }),
    )
    .await
    .assert_status(204);
    sensitive_operation(&agent).await.assert_status(201);

    clock.advance(Duration::minutes(11));
    step_up(&agent, json!({ "code": codes[0] }))
        .await
        .assert_status(204);
    sensitive_operation(&agent).await.assert_status(201);
}

#[tokio::test]
async fn a_code_is_refused_for_an_account_without_a_factor() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    step_up(&agent, json!({ "code": "123456" }))
        .await
        .assert_problem(401, "invalid_credentials");
    step_up(&agent, json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
}

/// A session from before the second factor needs it for sensitive operations.
#[tokio::test]
async fn an_older_session_must_use_the_new_factor() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let older = signed_in(&app, &sign_in(&app, &agent, None).await);

    sensitive_operation(&older).await.assert_status(201);

    let (totp, _) = enrol(&app, &agent).await;
    older.get("/v1/me").await.assert_status(200);
    older
        .delete("/v1/me/totp")
        .await
        .assert_problem(401, "step_up_required");

    let now = next_step(&clock);
    step_up(&older, json!({ "code": totp.code(now) }))
        .await
        .assert_status(204);
    older.delete("/v1/me/totp").await.assert_status(204);
}

/// OWASP ASVS 6.3.7, 6.5.6, 7.4.3: removing a lost device also ends the sessions on it.
#[tokio::test]
async fn removing_a_factor_ends_all_other_sessions() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, codes) = enrol(&app, &agent).await;
    let now = next_step(&clock);
    let lost = signed_in(&app, &sign_in(&app, &agent, Some(&totp.code(now))).await);

    lost.get("/v1/me").await.assert_status(200);
    agent.delete("/v1/me/totp").await.assert_status(204);
    lost.get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    assert!(
        was_notified(
            &app,
            &agent,
            "A second factor was removed from your account"
        )
        .await
    );

    let shown = factors(&agent).await;
    assert_eq!(
        (&shown["enrolled"], &shown["recovery_codes"]),
        (&json!(false), &json!(0))
    );

    // No code or recovery code is requested any more, and none works.
    let session = signed_in(&app, &sign_in(&app, &agent, None).await);
    step_up(&session, json!({ "code": codes[0] }))
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn an_app_is_replaced_once_a_code_confirms_the_new_one() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (old, codes) = enrol(&app, &agent).await;
    let now = next_step(&clock);
    let elsewhere = signed_in(&app, &sign_in(&app, &agent, Some(&old.code(now))).await);

    let new = App::of(
        &agent
            .post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    let now = next_step(&clock);
    sign_in(&app, &agent, Some(&new.code(now)))
        .await
        .assert_problem(401, "invalid_credentials");

    let confirmed = agent
        .post("/v1/me/totp/confirmation", json!({ "code": new.code(now) }))
        .await;
    assert_eq!(
        confirmed.assert_status(200).json()["recovery_codes"],
        Value::Null
    );
    elsewhere
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    let now = next_step(&clock);
    sign_in(&app, &agent, Some(&old.code(now)))
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, Some(&new.code(now)))
        .await
        .assert_status(201);
    sign_in(&app, &agent, Some(&codes[0]))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn an_unconfirmed_app_expires_after_an_hour() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let totp = App::of(
        &agent
            .post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    clock.advance(Duration::minutes(59));
    let code = totp.wrong_code(clock.now());
    agent
        .post("/v1/me/totp/confirmation", json!({ "code": code }))
        .await
        .assert_problem(422, "wrong_code");

    let other = app.actor(Agent).await;
    let totp = App::of(
        &other
            .post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    clock.advance(Duration::minutes(59));
    let late = signed_in(&app, &sign_in(&app, &other, None).await);
    clock.advance(Duration::minutes(2));

    let code = totp.code(clock.now());
    late.post("/v1/me/totp/confirmation", json!({ "code": code }))
        .await
        .assert_problem(404, "not_found");
}

/// OWASP ASVS 6.3.1, 6.6.3: an attacker with the password cannot guess the code.
#[tokio::test]
async fn guessing_codes_is_throttled() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;
    let guess = async |session: &Actor| {
        step_up(session, json!({ "code": totp.wrong_code(clock.now()) })).await
    };
    let mut refused = 0;

    while guess(&agent).await.problem().code == "invalid_credentials" {
        refused += 1;
        assert!(refused < 10, "guesses are not throttled");
    }

    assert!(refused >= 5, "a person may mistype several times");

    // A correct code is throttled too.
    let answer = step_up(&agent, json!({ "code": totp.code(clock.now()) })).await;
    answer.assert_problem(429, "too_many_attempts");
    assert!(!answer.header("retry-after").is_empty());
}

/// OWASP ASVS 6.4.3.
#[tokio::test]
async fn a_password_reset_keeps_the_factors() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;

    app.mail_to(agent.email()).await;
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": agent.email() }))
        .await
        .assert_status(202);

    let token = app.mail_to(agent.email()).await.link_token();
    let new = "another horse, another battery";
    let body = json!({ "token": token, "password": new });

    app.anonymous()
        .post("/v1/password-resets/completion", body)
        .await
        .assert_status(204);

    let now = next_step(&clock);
    let sign_in = async |code: Option<String>| {
        let body = json!({ "email": agent.email(), "password": new, "code": code });
        app.anonymous().post("/v1/sessions", body).await
    };

    sign_in(None)
        .await
        .assert_problem(401, "second_factor_required");
    sign_in(Some(totp.code(now))).await.assert_status(201);
}

/// OWASP ASVS 6.4.4: for a person who has lost all factors and has proved their identity to the
/// operator.
#[tokio::test]
async fn an_operator_resets_lost_factors() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    enrol(&app, &agent).await;

    let origin = Origin {
        request: Uuid::nil(),
        operation: "user_reset_second_factors",
        address: None,
    };

    let operator = Sql::unlimited(
        "the test replaces the command",
        app.database(),
        origin,
        None,
    );

    assert!(reset_second_factors(&operator, agent.user()).await.unwrap());
    assert!(
        !reset_second_factors(&operator, Uuid::nil().into())
            .await
            .unwrap()
    );
    assert!(was_notified(&app, &agent, "Your second factors were reset").await);

    let session = signed_in(&app, &sign_in(&app, &agent, None).await);
    assert_eq!(factors(&session).await["enrolled"], false);

    let mut owner = app.owner().await;
    let rows = owner
        .run(
            r"
                SELECT FROM mainstay.audit_events
                WHERE action = 'authn_second_factors_reset'
            ",
            [],
        )
        .await
        .unwrap();

    assert_eq!(rows.len(), 1);
}
