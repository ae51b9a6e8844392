//! `POST /v1/me/deactivation`, `DELETE /v1/me`.

use futures_util::future::join;
use mainstay::access::BuiltInRole::{Agent, Auditor, Owner};
use mainstay_http::Method;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::json;

use crate::start;

async fn refused_at_sign_in(app: &TestApp, email: &str) {
    let answer = app
        .anonymous()
        .post(
            "/v1/sessions",
            json!({ "email": email, "password": PASSWORD }),
        )
        .await;
    answer.assert_problem(401, "invalid_credentials");
}

/// OWASP ASVS 7.4.2.
#[tokio::test]
async fn a_deactivated_account_is_signed_out_and_cannot_sign_in() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent
        .request(Method::POST, "/v1/me/deactivation")
        .send()
        .await
        .assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    refused_at_sign_in(&app, agent.email()).await;
    assert!(
        app.mail_to(agent.email())
            .await
            .subject
            .contains("was deactivated")
    );
}

#[tokio::test]
async fn deleting_an_account_deletes_its_data_key() {
    let app = start().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    let path = "/v1/customers";
    agent
        .post(
            path,
            json!({ "full_name": "Bea", "email": "bea@example.org" }),
        )
        .await
        .assert_status(201);

    agent.delete("/v1/me").await.assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");

    refused_at_sign_in(&app, agent.email()).await;
    let left = r"
        SELECT
            (SELECT count(*) FROM users WHERE id = $1)
            + (SELECT count(*) FROM sessions WHERE user_id = $1)
            + (SELECT count(*) FROM memberships WHERE user_id = $1)
            + (SELECT count(*) FROM data_keys WHERE subject_id = $1)
    ";
    let rows = app
        .owner()
        .await
        .run(left, [agent.user().uuid().into()])
        .await
        .unwrap();

    assert_eq!(rows[0].get::<i64>(0).unwrap(), 0);

    // Audit records and the organization's rows remain.
    let events = auditor
        .get(&format!("/v1/audit/events?actor_id={}", agent.user()))
        .await
        .assert_status(200)
        .json();

    assert!(
        events["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["action"] == "customer.created"),
        "{events}"
    );

    assert_eq!(
        auditor.get(path).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_last_owner_cannot_leave() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    owner
        .delete("/v1/me")
        .await
        .assert_problem(409, "last_owner");
    owner.get("/v1/me").await.assert_status(200);
}

/// When two owners leave at the same time, one is refused.
#[tokio::test]
async fn two_owners_cannot_leave_at_once() {
    for _ in 0..5 {
        let app = start().await;
        let (one, other) = (app.actor(Owner).await, app.actor(Owner).await);
        let (first, second) = join(one.delete("/v1/me"), other.delete("/v1/me")).await;
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    }
}
