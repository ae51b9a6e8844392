//! `POST /v1/sessions/current/step-up`, and operations that require it.

use mainstay::{
    access::BuiltInRole::{Agent, Auditor},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

/// OWASP ASVS 7.5.1, 7.5.3; RFC 9470.
#[tokio::test]
async fn sensitive_operations_require_a_step_up() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let lifetime = "30m";
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", lifetime)
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let change = json!({ "email": "new@example.org" });
    clock.advance(Duration::minutes(11));

    let refused = agent.put("/v1/me/email", change.clone()).await;
    refused.assert_problem(401, "step_up_required");
    assert!(
        refused
            .header("www-authenticate")
            .contains("insufficient_user_authentication")
    );
    agent.get("/v1/me").await.assert_status(200);

    let step_up = async |password: &str| {
        agent
            .post(
                "/v1/sessions/current/step-up",
                json!({ "password": password }),
            )
            .await
    };

    step_up("not the password at all")
        .await
        .assert_problem(401, "invalid_credentials");
    agent
        .put("/v1/me/email", change.clone())
        .await
        .assert_problem(401, "step_up_required");
    step_up(PASSWORD).await.assert_status(204);
    agent
        .put("/v1/me/email", change.clone())
        .await
        .assert_status(202);

    clock.advance(Duration::minutes(10) + Duration::SECOND);
    agent
        .put("/v1/me/email", change)
        .await
        .assert_problem(401, "step_up_required");

    // Each refusal is recorded, like any denial.
    let auditor = app.actor(Auditor).await;
    let events = auditor
        .get("/v1/audit/events?action=authz_fail")
        .await
        .assert_status(200)
        .json();

    let denied: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["operation"])
        .collect();

    assert_eq!(denied.len(), 3);
    assert!(
        denied.iter().all(|operation| *operation == "change_email"),
        "{denied:?}"
    );
}

#[tokio::test]
async fn guessing_at_a_step_up_is_throttled() {
    let app = crate::start().await;
    let agent = app.actor(Agent).await;
    let guess = || {
        agent.post(
            "/v1/sessions/current/step-up",
            json!({ "password": "not the password at all" }),
        )
    };

    for _ in 0..6 {
        guess().await.assert_problem(401, "invalid_credentials");
    }

    let refused = guess().await;
    refused.assert_problem(429, "too_many_attempts");
    assert!(!refused.header("retry-after").is_empty());
}
