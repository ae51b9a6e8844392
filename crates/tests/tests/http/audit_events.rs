//! `GET /v1/audit/events`.

use mainstay::access::BuiltInRole::{Agent, Auditor, Manager, Owner};
use serde_json::{Value, json};

use crate::{create, customer, start};

#[tokio::test]
async fn a_change_is_recorded_with_actor_action_place_and_time() {
    let app = start().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    let path = create(&agent, customer("Ada Lovelace", "ada@example.org")).await;
    let id = path.rsplit('/').next().unwrap();

    let patched = agent
        .patch(
            &path,
            json!({ "status": "blocked", "full_name": "Ada King" }),
        )
        .await;

    let events = auditor
        .get(&format!("/v1/audit/events?resource_id={id}"))
        .await
        .assert_status(200)
        .json();
    let [updated, created] = &events["items"].as_array().unwrap()[..] else {
        panic!("{events}")
    };

    assert_eq!(
        (&created["action"], &updated["action"]),
        (&json!("customer.created"), &json!("customer.updated"))
    );
    assert_eq!(updated["actor_id"], json!(agent.user()));
    assert_eq!(updated["operation"], "update_customer");
    assert_eq!(updated["resource"], "customer");
    assert_eq!(updated["address"], "127.0.0.1");
    assert_eq!(updated["request_id"], patched.header("x-request-id"));

    let change = |name: &str| {
        let changes = updated["changes"].as_array().unwrap();
        changes
            .iter()
            .find(|change| change["field"] == name)
            .cloned()
            .unwrap_or(Value::Null)
    };

    assert_eq!(
        change("status"),
        json!({ "field": "status", "before": "active", "after": "blocked" })
    );
    assert_eq!(
        change("full_name"),
        json!({ "field": "full_name", "before": "[sealed]", "after": "[sealed]" })
    );
    assert_eq!(
        change("email"),
        Value::Null,
        "unchanged fields are not listed"
    );
}

#[tokio::test]
async fn the_log_is_per_organization_and_needs_a_permission() {
    let app = start().await;
    let (agent, manager, owner) = (
        app.actor(Agent).await,
        app.actor(Manager).await,
        app.actor(Owner).await,
    );

    create(&agent, customer("Ada", "ada@example.org")).await;
    for refused in [&agent, &manager] {
        refused
            .get("/v1/audit/events")
            .await
            .assert_problem(403, "forbidden");
    }
    owner
        .get("/v1/audit/events?action=customer.created")
        .await
        .assert_status(200);

    let stranger = app.stranger(Owner).await;
    let seen = stranger
        .get("/v1/audit/events?action=customer.created")
        .await
        .assert_status(200)
        .json();

    assert_eq!(seen["items"], json!([]));
}

#[tokio::test]
async fn filters_and_pages_find_matching_records() {
    let app = start().await;
    let (agent, owner) = (app.actor(Agent).await, app.actor(Owner).await);
    for n in 0..5 {
        create(&agent, customer("Ada", &format!("{n}@example.org"))).await;
    }

    create(&owner, customer("Bea", "bea@example.org")).await;
    let by = agent.user();
    let mut seen = Vec::new();
    let mut cursor = String::new();

    loop {
        let query =
            format!("/v1/audit/events?action=customer.created&actor_id={by}&limit=2{cursor}");
        let page = owner.get(&query).await.assert_status(200).json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );

        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }

    assert_eq!(seen.len(), 5);
    assert!(
        seen.is_sorted_by(|one, other| one > other),
        "newest first, each once"
    );
    owner
        .get("/v1/audit/events?from=yesterday")
        .await
        .assert_problem(422, "invalid_input");
}

/// A refused change leaves no record of a change.
#[tokio::test]
async fn a_refused_change_is_not_recorded() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let before = app.contents().await;
    let stale = owner
        .request(mainstay::http::Method::PATCH, &path)
        .header("if-match", "\"9\"");

    stale
        .json(&json!({ "status": "lead" }))
        .send()
        .await
        .assert_problem(412, "stale_version");
    owner
        .post("/v1/customers", json!({ "full_name": 7 }))
        .await
        .assert_problem(422, "invalid_input");
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

/// Reading the log is recorded with its filters, but without typed values.
#[tokio::test]
async fn each_read_of_the_log_is_recorded() {
    let app = start().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    let by = agent.user();
    let read = auditor
        .get(&format!(
            "/v1/audit/events?actor_id={by}&action=Ada%20Lovelace&limit=5"
        ))
        .await;

    read.assert_status(200);

    let events = auditor
        .get("/v1/audit/events?action=audit_event.listed")
        .await
        .assert_status(200)
        .json();
    let [event] = &events["items"].as_array().unwrap()[..] else {
        panic!("{events}")
    };

    assert_eq!(event["actor_id"], json!(auditor.user()));
    assert_eq!(event["operation"], "list_audit_events");
    assert_eq!(event["request_id"], read.header("x-request-id"));

    let asked = |field: &str| {
        let changes = event["changes"].as_array().unwrap();
        changes
            .iter()
            .find(|change| change["field"] == field)
            .map(|change| change["after"].clone())
    };

    assert_eq!(
        (asked("actor_id"), asked("action"), asked("from")),
        (Some(json!(by)), Some(json!("another")), None)
    );
    assert!(!event.to_string().contains("Lovelace"));
    agent
        .get("/v1/audit/events")
        .await
        .assert_problem(403, "forbidden");

    let events = auditor
        .get("/v1/audit/events?action=audit_event.listed")
        .await
        .json();
    assert_eq!(
        events["items"].as_array().unwrap().len(),
        2,
        "a denial is not recorded as a read"
    );
}

/// The same for reading findings.
#[tokio::test]
async fn each_read_of_findings_is_recorded() {
    let app = start().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    let by = agent.user();
    let read = auditor
        .get(&format!(
            "/v1/audit/findings?account_id={by}&rule=Ada%20Lovelace"
        ))
        .await;

    read.assert_status(200);
    auditor
        .get("/v1/audit/findings?rule=mass_export")
        .await
        .assert_status(200);
    agent
        .get("/v1/audit/findings")
        .await
        .assert_problem(403, "forbidden");

    let events = auditor
        .get("/v1/audit/events?action=finding.listed")
        .await
        .assert_status(200)
        .json();
    let [later, event] = &events["items"].as_array().unwrap()[..] else {
        panic!("expected two reads and no denial: {events}")
    };

    assert_eq!(
        (&event["actor_id"], &event["operation"]),
        (&json!(auditor.user()), &json!("list_findings"))
    );
    assert_eq!(
        (&event["resource"], &event["request_id"]),
        (&json!("finding"), &json!(read.header("x-request-id")))
    );

    let asked = |event: &Value, field: &str, value: Value| {
        let change = json!({ "field": field, "before": null, "after": value });
        event["changes"].as_array().unwrap().contains(&change)
    };
    assert!(
        asked(event, "account_id", json!(by)) && asked(event, "rule", json!("another")),
        "{event}"
    );
    assert!(asked(later, "rule", json!("mass_export")), "{later}");
    assert!(!events.to_string().contains("Lovelace"));

    let stranger = app.stranger(Owner).await;
    let elsewhere = stranger
        .get("/v1/audit/events?action=finding.listed")
        .await
        .json();

    assert_eq!(elsewhere["items"], json!([]));
}
