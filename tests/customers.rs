//! Customers over HTTP. The sweeps cover what holds for every operation.

use mainstay::{
    access::BuiltInRole::{Agent, Auditor, Manager, Owner},
    http::Method,
};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

/// A body to create a customer.
pub fn ada() -> Value {
    json!({
        "full_name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0958",
        "date_of_birth": "1915-12-10", "national_id": "GB1234567", "tags": ["vip"],
    })
}

/// Creates a customer and returns its path.
pub async fn create(by: &Actor, body: Value) -> String {
    by.post("/v1/customers", body)
        .await
        .assert_status(201)
        .location()
}

#[tokio::test]
async fn a_customer_is_shown_masked_and_each_reveal_is_recorded() {
    let app = TestApp::start(app::platform()).await;
    let path = create(&app.actor(Agent).await, ada()).await;

    let shown = app.actor(Auditor).await.get(&path).await.json();
    assert_eq!(shown["full_name"], "A. L.");
    assert_eq!(shown["email"], "a***@example.org");
    assert_eq!(shown["date_of_birth"], "•••");

    let owner = app.actor(Owner).await;
    let clear = owner.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(clear["full_name"], "Ada Lovelace");
    assert_eq!(clear["date_of_birth"], "1915-12-10");

    let events = "/v1/audit/events?action=customer.revealed";
    let events = owner.get(events).await.json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_change_to_an_older_version_is_refused() {
    let app = TestApp::start(app::platform()).await;
    let agent = app.actor(Agent).await;
    let path = create(&agent, ada()).await;

    let change = json!({ "status": "inactive", "phone": null });
    let changed = agent.patch(&path, change).await.assert_status(200).json();
    assert_eq!(
        (&changed["status"], &changed["version"]),
        (&json!("inactive"), &json!(2))
    );

    let late = agent
        .request(Method::PATCH, &path)
        .header("if-match", "\"1\"")
        .json(&json!({ "status": "active" }));
    late.send().await.assert_problem(412, "stale_version");
}

#[tokio::test]
async fn a_customer_is_found_by_any_spelling_of_its_number() {
    let app = TestApp::start(app::platform()).await;
    let agent = app.actor(Agent).await;
    create(&agent, ada()).await;

    for (field, value, found) in [
        ("email", "ADA@example.org", 1),
        ("phone", "0044 (0)20 7946-0958", 1),
        ("national_id", "gb 123 4567", 1),
        ("phone", "+44 20 7946 0959", 0),
    ] {
        let page = agent
            .post("/v1/customers/search", json!({ field: value }))
            .await;
        let items = page.assert_status(200).json()["items"]
            .as_array()
            .map(Vec::len);
        assert_eq!(items, Some(found), "{field}: {value}");
    }
}

#[tokio::test]
async fn a_future_date_of_birth_is_refused() {
    let app = TestApp::start(app::platform()).await;
    let mut body = ada();
    body["date_of_birth"] = "9999-12-31".into();

    let refused = app.actor(Agent).await.post("/v1/customers", body).await;
    let problem = refused.assert_problem(422, "invalid_input").problem();
    assert_eq!(problem.errors, ["body/date_of_birth"]);
}

#[tokio::test]
async fn sorting_by_name_requires_the_permission_to_reveal() {
    let app = TestApp::start(app::platform()).await;
    let agent = app.actor(Agent).await;
    for name in ["Grace Hopper", "ada Lovelace"] {
        create(
            &agent,
            json!({ "full_name": name, "email": "a@example.org" }),
        )
        .await;
    }

    let by_name = "/v1/customers?sort=name";
    agent.get(by_name).await.assert_problem(403, "forbidden");
    let page = app.actor(Manager).await.get(by_name).await.json();
    assert_eq!(page["items"][0]["full_name"], "a. L.");
}
