//! `GET /v1/customers/{id}/personal-data`.

use mainstay::access::BuiltInRole::{Agent, Manager, Owner};
use serde_json::json;

use crate::{create, start};

#[tokio::test]
async fn personal_fields_are_revealed_by_permission_and_recorded() {
    let app = start().await;
    let (owner, manager, agent) = (
        app.actor(Owner).await,
        app.actor(Manager).await,
        app.actor(Agent).await,
    );

    let body = json!({
        "full_name": "Ada Lovelace", "email": "Ada@Example.org", "phone": "+44 20 7946 0958",
        "date_of_birth": "1975-12-10", "national_id": "GB1234567", "postal_address": "12 St James's Square\nLondon",
        "notes": "Prefers letters.",
    });

    let path = create(&agent, body.clone()).await;
    let personal = format!("{path}/personal-data");

    agent.get(&personal).await.assert_problem(403, "forbidden");

    let revealed = manager.get(&personal).await;
    let view = revealed.assert_status(200).json();
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&view[field], value, "{field}");
    }

    assert_eq!(revealed.header("cache-control"), "no-store");

    let id = path.rsplit('/').next().unwrap();
    let events = owner
        .get(&format!(
            "/v1/audit/events?action=customer.revealed&resource_id={id}"
        ))
        .await
        .json();

    let event = &events["items"][0];
    assert_eq!(event["actor_id"], json!(manager.user()));
    assert_eq!(event["request_id"], revealed.header("x-request-id"));
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_record_nothing_is_revealed() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(
        &owner,
        json!({ "full_name": "Canary Bird", "email": "c@example.org" }),
    )
    .await;

    app.owner()
        .await
        .run(
            "REVOKE INSERT ON mainstay.audit_events FROM mainstay_server",
            [],
        )
        .await
        .unwrap();

    let refused = owner.get(&format!("{path}/personal-data")).await;
    refused.assert_problem(500, "internal_error");
    assert!(!refused.text().contains("Canary"));
}

/// OWASP ASVS 16.5.3: when the log cannot be written, recorded operations fail.
#[tokio::test]
async fn without_a_record_nothing_is_done() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(
        &owner,
        json!({ "full_name": "Canary Bird", "email": "c@example.org" }),
    )
    .await;

    app.owner()
        .await
        .run(
            "REVOKE INSERT ON mainstay.audit_events FROM mainstay_server",
            [],
        )
        .await
        .unwrap();

    let before = app.contents().await;
    let body = json!({ "full_name": "Another", "email": "a@example.org" });
    owner
        .post("/v1/customers", body)
        .await
        .assert_problem(500, "internal_error");
    owner
        .patch(&path, json!({ "full_name": "Another" }))
        .await
        .assert_problem(500, "internal_error");
    owner
        .delete(&path)
        .await
        .assert_problem(500, "internal_error");

    // Reading the log is recorded too.
    let refused = owner.get("/v1/audit/events").await;
    refused.assert_problem(500, "internal_error");
    assert!(!refused.text().contains("customer.created"));
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );

    // Requests without a record still work, and a denial is still a denial.
    owner.get(&path).await.assert_status(200);

    let agent = app.anonymous();
    agent
        .get(&path)
        .await
        .assert_problem(401, "unauthenticated");
}
