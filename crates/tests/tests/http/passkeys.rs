//! `/v1/me/passkeys`, `/v1/sessions/passkey`. The devices come from an independent library.

use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_http::Method;
use mainstay_testing::{Client, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    authenticators::{
        Device, ORIGIN, add_passkey, challenge, recovery_codes, request_options, sign_in,
        sign_in_by_passkey, signed_in, was_notified,
    },
    start,
};

async fn refused(app: &TestApp, credential: &Value) {
    sign_in_by_passkey(app, credential)
        .await
        .assert_problem(401, "invalid_credentials");
}

async fn events(app: &TestApp, action: &str) -> usize {
    let mut owner = app.owner().await;
    let rows = owner
        .run(
            "SELECT FROM audit_events WHERE action = $1",
            [action.into()],
        )
        .await;
    rows.unwrap().len()
}

#[tokio::test]
async fn a_passkey_is_enough_to_sign_in() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    let added = add_passkey(&agent, &mut device).await;

    assert_eq!(
        (&added["name"], recovery_codes(&added).len()),
        (&json!("Ada's phone"), 10)
    );
    assert!(was_notified(&app, &agent, "A second factor was added to your account").await);

    let options = request_options(&app).await;
    assert_eq!(
        options["public_key"]["allowCredentials"],
        json!([]),
        "the options list no passkeys"
    );
    assert_eq!(options["public_key"]["userVerification"], "required");

    let session = signed_in(
        &app,
        &sign_in_by_passkey(&app, &device.answer(&options).await).await,
    );
    let me = session.get("/v1/me").await.assert_status(200).json();

    assert_eq!(
        (&me["email"], &me["second_factor"]),
        (&json!(agent.email()), &json!(true))
    );

    // A passkey is both factors, so no other is requested.
    session
        .request(Method::POST, "/v1/me/passkeys/options")
        .send()
        .await
        .assert_status(200);

    let listed = session
        .get("/v1/me/passkeys")
        .await
        .assert_status(200)
        .json();

    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["name"]),
        (&added["id"], &json!("Ada's phone"))
    );
    assert!(listed["items"][0]["last_used_at"].is_string());
}

#[tokio::test]
async fn a_passkey_makes_the_password_ask_for_a_second_factor() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    let codes = recovery_codes(&add_passkey(&agent, &mut device).await);
    let asked = sign_in(&app, &agent, None).await;

    asked.assert_problem(401, "second_factor_required");
    assert_eq!(
        asked.json()["second_factors"],
        json!(["passkey", "recovery_code"]),
        "the account has no authenticator app"
    );
    sign_in(&app, &agent, Some("123456"))
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, Some(&codes[0]))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_browser_keeps_the_session_in_a_cookie() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    add_passkey(&agent, &mut device).await;

    let credential = device.answer(&request_options(&app).await).await;
    let answer = app
        .anonymous()
        .post(
            "/v1/sessions/passkey",
            json!({ "credential": credential, "cookie": true }),
        )
        .await;

    assert_eq!(
        answer.assert_status(201).json()["access_token"],
        Value::Null
    );
    assert!(answer.header("set-cookie").starts_with("__Host-session="));
}

/// OWASP ASVS 6.5.1: an assertion is accepted once, within five minutes.
#[tokio::test]
async fn a_challenge_is_accepted_once_and_in_time() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());

    add_passkey(&agent, &mut device).await;
    let answer = device.answer(&request_options(&app).await).await;
    sign_in_by_passkey(&app, &answer).await.assert_status(201);

    refused(&app, &answer).await;
    let options = request_options(&app).await;
    clock.advance(Duration::minutes(5));
    refused(&app, &device.answer(&options).await).await;

    // Expired challenges are deleted along the way.
    request_options(&app).await;

    let rows = app
        .owner()
        .await
        .run("SELECT FROM webauthn_challenges", [])
        .await
        .unwrap();

    assert_eq!(rows.len(), 1);
}

/// OWASP ASVS 6.3.4, 6.5.7: an assertion must be for this site, by this person, with user
/// verification.
#[tokio::test]
async fn an_assertion_that_no_browser_would_make_is_refused() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    add_passkey(&agent, &mut device).await;

    let fresh = async || challenge(&request_options(&app).await).to_owned();
    refused(
        &app,
        &device
            .sign(
                "https://phishing.example",
                "localhost",
                &fresh().await,
                true,
            )
            .await,
    )
    .await;

    refused(
        &app,
        &device
            .sign(ORIGIN, "phishing.example", &fresh().await, true)
            .await,
    )
    .await;

    refused(
        &app,
        &device
            .sign(ORIGIN, "localhost", &fresh().await, false)
            .await,
    )
    .await;

    refused(
        &app,
        &device
            .sign(
                ORIGIN,
                "localhost",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                true,
            )
            .await,
    )
    .await;

    let mut altered = device.sign(ORIGIN, "localhost", &fresh().await, true).await;
    altered["response"]["signature"] = device.sign(ORIGIN, "localhost", &fresh().await, true).await
        ["response"]["signature"]
        .clone();
    refused(&app, &altered).await;

    assert!(events(&app, "authn_login_fail").await >= 4);

    // The same device with a correct assertion.
    let right = device.sign(ORIGIN, "localhost", &fresh().await, true).await;
    sign_in_by_passkey(&app, &right).await.assert_status(201);
}

#[tokio::test]
async fn a_passkey_works_for_its_owner_only() {
    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let (mut device, mut others) = (Device::default(), Device::default());
    let added = add_passkey(&agent, &mut device).await;

    add_passkey(&other, &mut others).await;
    // An assertion for another account.
    let mut answer = device.answer(&request_options(&app).await).await;
    answer["response"]["userHandle"] =
        others.answer(&request_options(&app).await).await["response"]["userHandle"].clone();
    refused(&app, &answer).await;

    // A challenge for one person cannot add a passkey to another.
    let options = other
        .request(Method::POST, "/v1/me/passkeys/options")
        .send()
        .await
        .json();

    let credential = Device::default().create(&options).await;
    let body = json!({ "name": "mine", "credential": credential });
    agent
        .post("/v1/me/passkeys", body.clone())
        .await
        .assert_problem(422, "invalid_passkey");
    other
        .post("/v1/me/passkeys", body.clone())
        .await
        .assert_status(201);
    other
        .post("/v1/me/passkeys", body)
        .await
        .assert_problem(422, "invalid_passkey");

    let path = format!("/v1/me/passkeys/{}", added["id"].as_str().unwrap());
    other.delete(&path).await.assert_problem(404, "not_found");
    other
        .put(&format!("{path}/name"), json!({ "name": "x" }))
        .await
        .assert_problem(404, "not_found");
    agent
        .put(&format!("{path}/name"), json!({ "name": "Work phone" }))
        .await
        .assert_status(204);
    assert_eq!(
        agent.get("/v1/me/passkeys").await.json()["items"][0]["name"],
        "Work phone"
    );
}

/// OWASP ASVS 7.5.3.
#[tokio::test]
async fn a_passkey_steps_a_session_up() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", "60m")
        .start()
        .await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);

    let (mut device, mut others) = (Device::default(), Device::default());
    add_passkey(&agent, &mut device).await;
    add_passkey(&other, &mut others).await;
    clock.advance(Duration::minutes(11));

    let sensitive = async || {
        agent
            .request(Method::POST, "/v1/me/passkeys/options")
            .send()
            .await
    };

    let step_up = async |credential: Value| {
        agent
            .post(
                "/v1/sessions/current/step-up",
                json!({ "passkey": credential }),
            )
            .await
    };

    sensitive().await.assert_problem(401, "step_up_required");
    step_up(others.answer(&request_options(&app).await).await)
        .await
        .assert_problem(401, "invalid_credentials");
    sensitive().await.assert_problem(401, "step_up_required");

    let password = json!({ "password": PASSWORD });
    let refused = agent.post("/v1/sessions/current/step-up", password).await;
    refused.assert_problem(401, "second_factor_required");
    step_up(device.answer(&request_options(&app).await).await)
        .await
        .assert_status(204);
    sensitive().await.assert_status(200);
}

/// W3C Web Authentication §6.1.1: a counter that goes back reveals a copied key.
#[tokio::test]
async fn a_copy_of_a_passkey_is_detected() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let mut device = Device::counting();

    add_passkey(&agent, &mut device).await;
    let mut copy = device.clone();
    for _ in 0..2 {
        let answer = device.answer(&request_options(&app).await).await;
        sign_in_by_passkey(&app, &answer).await.assert_status(201);
    }

    refused(&app, &copy.answer(&request_options(&app).await).await).await;
    assert_eq!(events(&app, "authn_passkey_counter_regression").await, 1);

    let answer = device.answer(&request_options(&app).await).await;
    sign_in_by_passkey(&app, &answer).await.assert_status(201);
}

/// OWASP ASVS 6.5.6, 7.4.3.
#[tokio::test]
async fn a_removed_passkey_is_refused() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    let added = add_passkey(&agent, &mut device).await;
    let lost: Client = signed_in(
        &app,
        &sign_in_by_passkey(&app, &device.answer(&request_options(&app).await).await).await,
    );

    lost.get("/v1/me").await.assert_status(200);

    let path = format!("/v1/me/passkeys/{}", added["id"].as_str().unwrap());
    agent.delete(&path).await.assert_status(204);
    lost.get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    refused(&app, &device.answer(&request_options(&app).await).await).await;
    assert_eq!(
        agent.get("/v1/me/second-factors").await.json()["enrolled"],
        false
    );
    sign_in(&app, &agent, None).await.assert_status(201);
}

/// With one factor left, nothing changes for the sign-in.
#[tokio::test]
async fn removing_the_last_passkey_removes_the_second_factor() {
    let app = start().await;
    let (agent, mut one, mut two) = (app.actor(Agent).await, Device::default(), Device::default());
    let first = add_passkey(&agent, &mut one).await;
    let second = add_passkey(&agent, &mut two).await;

    assert_eq!(
        second["recovery_codes"],
        Value::Null,
        "the account already has recovery codes"
    );

    agent
        .delete(&format!(
            "/v1/me/passkeys/{}",
            first["id"].as_str().unwrap()
        ))
        .await
        .assert_status(204);

    sign_in(&app, &agent, None)
        .await
        .assert_problem(401, "second_factor_required");

    agent
        .delete(&format!(
            "/v1/me/passkeys/{}",
            second["id"].as_str().unwrap()
        ))
        .await
        .assert_status(204);

    sign_in(&app, &agent, None).await.assert_status(201);
}

#[tokio::test]
async fn a_service_without_a_host_name_has_no_passkeys() {
    let builder =
        TestApp::builder(fixture::platform()).setting("http.public_url", "http://192.0.2.7:8000");
    let app = builder.start().await;
    let answer = app
        .anonymous()
        .request(Method::POST, "/v1/sessions/passkey/options")
        .send()
        .await;
    answer.assert_problem(409, "passkeys_unavailable");
}
