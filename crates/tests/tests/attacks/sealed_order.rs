//! An agent without `reveal` tries to infer sealed values: from the order of listings, from guesses
//! in searches, and from masks and versions (OWASP ASVS 8.2.3, 14.2.6).

use mainstay_access::BuiltInRole::{Agent, Auditor, Manager, Owner};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

const SECRET: &str = "Quentin Canary";

async fn create(by: &Actor, name: &str, email: &str) -> String {
    let body = json!({ "full_name": name, "email": email });
    by.post("/v1/customers", body)
        .await
        .assert_status(201)
        .location()
}

async fn events(app: &TestApp, action: &str) -> Vec<Value> {
    let auditor = app.actor(Auditor).await;
    let page = auditor
        .get(&format!("/v1/audit/events?action={action}"))
        .await
        .assert_status(200)
        .json();
    page["items"].as_array().cloned().unwrap_or_default()
}

/// The attack: a probe moves through the alphabet, and the listing shows whether the secret comes
/// before or after it.
#[tokio::test]
async fn an_order_by_a_sealed_column_requires_reveal() {
    let app = TestApp::start(fixture::platform()).await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    create(&owner, SECRET, "q@example.org").await;

    let probe = create(&agent, "M", "probe@example.org").await;
    let mut learned = Vec::new();
    for guess in ["A", "Q", "Qu", "Quentin Canary", "Quentin D", "Z"] {
        agent
            .patch(&probe, json!({ "full_name": guess }))
            .await
            .assert_status(200);

        for query in [
            "sort=name",
            "sort=name_descending",
            "sort=name&limit=1",
            "sort=name&status=active",
        ] {
            let answer = agent.get(&format!("/v1/customers?{query}")).await;
            answer.assert_problem(403, "forbidden");
            learned.push(answer.json()["detail"].clone());
        }
    }

    learned.dedup();
    assert_eq!(
        learned,
        [json!("Your role does not grant customers.reveal.")],
        "every response is the same"
    );
    assert_eq!(
        events(&app, "authz_fail").await.len(),
        24,
        "every attempt is recorded"
    );

    // Nor with the cursor of someone who may reveal.
    let manager = app.actor(Manager).await;
    let page = manager
        .get("/v1/customers?sort=name&limit=1")
        .await
        .assert_status(200)
        .json();

    let cursor = page["next_cursor"].as_str().expect("there is a next page");
    agent
        .get(&format!("/v1/customers?sort=name&limit=1&cursor={cursor}"))
        .await
        .assert_problem(403, "forbidden");
    agent
        .get(&format!("/v1/customers?sort=newest&cursor={cursor}"))
        .await
        .assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn each_page_in_sealed_order_is_recorded() {
    let app = TestApp::start(fixture::platform()).await;
    let manager = app.actor(Manager).await;
    for (name, email) in [("Bea", "b@example.org"), ("Ada", "a@example.org")] {
        create(&manager, name, email).await;
    }

    let page = manager
        .get("/v1/customers?sort=name&limit=1")
        .await
        .assert_status(200)
        .json();

    let cursor = page["next_cursor"].as_str().expect("there is a next page");
    manager
        .get(&format!("/v1/customers?sort=name&limit=1&cursor={cursor}"))
        .await
        .assert_status(200);
    manager.get("/v1/customers").await.assert_status(200);

    let sorted = events(&app, "customer.sorted").await;
    assert_eq!(
        sorted.len(),
        2,
        "an order by other columns leaves no record"
    );
    assert_eq!(sorted[0]["actor_id"], json!(manager.user()));
    assert_eq!(
        sorted[0]["changes"],
        json!([{ "field": "sorted_by", "before": null, "after": "full_name" }])
    );
}

#[tokio::test]
async fn searches_by_sealed_values_are_recorded_and_limited() {
    let app = TestApp::builder(fixture::platform())
        .setting("database.comparisons", "4")
        .start()
        .await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    create(&agent, SECRET, "q@example.org").await;

    let search = async |by: &Actor, email: &str| {
        by.post("/v1/customers/search", json!({ "email": email }))
            .await
    };

    for n in 0..3 {
        let missed = search(&agent, &format!("guess{n}@example.org"))
            .await
            .assert_status(200)
            .json();
        assert_eq!(missed["items"], json!([]));
    }

    let found = search(&agent, "Q@example.org")
        .await
        .assert_status(200)
        .json();
    assert_eq!(found["items"][0]["full_name"], json!("Q. C."));

    let refused = search(&agent, "guess4@example.org").await;
    refused.assert_problem(429, "too_many_requests");

    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((3_000..=3_600).contains(&wait), "{wait}");

    // The refusal does not tell hits from misses, and other people are not limited.
    search(&agent, "q@example.org")
        .await
        .assert_problem(429, "too_many_requests");
    search(&other, "q@example.org").await.assert_status(200);
    agent.get("/v1/customers").await.assert_status(200);

    let searched = events(&app, "customer.searched").await;
    assert_eq!(searched.len(), 5);
    assert_eq!(searched[1]["actor_id"], json!(agent.user()));
    assert_eq!(
        searched[1]["changes"],
        json!([{ "field": "searched_by", "before": null, "after": ["email"] }])
    );

    let log = app
        .owner()
        .await
        .run(
            "SELECT string_agg(e::text, '') FROM mainstay.audit_events e",
            [],
        )
        .await
        .expect("the row is read");

    assert!(
        !log[0]
            .get::<String>(0)
            .expect("the column is text")
            .contains("guess"),
        "the log contains no guess"
    );

    // The serving role can count, but cannot reset the hour.
    let mut serving = app.serving_role().await;
    for statement in [
        "DELETE FROM mainstay.sealed_comparisons",
        "UPDATE mainstay.sealed_comparisons SET count = 0",
        "SELECT FROM mainstay.sealed_comparisons",
    ] {
        serving
            .run(statement, [])
            .await
            .err()
            .unwrap_or_else(|| panic!("{statement}: the statement succeeded"));
    }
}

/// A patch with the current value looks like a patch with any other.
#[tokio::test]
async fn version_and_mask_do_not_reveal_the_value() {
    let app = TestApp::start(fixture::platform()).await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let mut shown = Vec::new();
    for (there, patch) in [
        ("Quentin Canary", "Quentin Canary"),
        ("Quinn Cassidy Longer-Name", "Quentin Canary"),
    ] {
        let path = create(&owner, there, "q@example.org").await;
        let before = agent.get(&path).await.assert_status(200).json();
        let changed = agent
            .patch(&path, json!({ "full_name": patch, "notes": null }))
            .await;
        let after = changed.assert_status(200).json();

        assert_ne!(before["updated_at"], after["updated_at"]);

        shown.push((
            changed.header("etag").to_owned(),
            after["version"].clone(),
            after["full_name"].clone(),
        ));
    }

    assert_eq!(shown[0], shown[1]);

    // A mask shows neither the length nor the content of the value.
    let mut masks = Vec::new();
    for name in ["a b c", "a b c d e f g h i j k l m n o p"] {
        let path = create(&owner, name, "q@example.org").await;
        masks.push(agent.get(&path).await.assert_status(200).json()["full_name"].clone());
    }
    assert_eq!(masks[0], masks[1]);
}
