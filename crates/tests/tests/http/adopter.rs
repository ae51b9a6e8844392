//! A column is sealed by its type alone: a feature needs no code for encryption, masks or audit
//! records.

use mainstay::access::BuiltInRole::{Agent, Auditor, Owner};
use mainstay_testing::TestApp;
use serde_json::{Value, json};

use crate::{
    create, customer,
    remarks::{self, CreateRemark, RemarkRow, UpdateRemark},
};

const TEXT: &str = "Zanzibar canary";
const PLACE: &str = "Harbour canary";

async fn note(app: &TestApp) -> (mainstay_testing::Actor, String) {
    let agent = app.actor(Agent).await;
    let about = create(&agent, customer("Ada", "ada@example.org")).await;
    let body = json!({ "customer_id": about.rsplit('/').next(), "text": TEXT, "seen_at": PLACE });
    let path = agent
        .post("/v1/remarks", body)
        .await
        .assert_status(201)
        .location();
    (agent, path)
}

#[tokio::test]
async fn a_sealed_column_is_masked_and_revealed_with_a_record() {
    let app = remarks::start(|app| app).await;
    let (agent, path) = note(&app).await;
    let owner = app.actor(Owner).await;

    let shown = agent.get(&path).await.assert_status(200).json();
    assert_eq!(
        (&shown["text"], &shown["seen_at"]),
        (&json!("•••"), &json!("H. c."))
    );
    agent
        .get(&format!("{path}/text"))
        .await
        .assert_problem(403, "forbidden");

    let clear = owner
        .get(&format!("{path}/text"))
        .await
        .assert_status(200)
        .json();

    assert_eq!(clear, json!({ "text": TEXT, "seen_at": PLACE }));

    let stored = r"
        SELECT text, seen_at, n.data_key IS NOT NULL AND k.subject_id = n.customer_id
        FROM remarks n
        JOIN data_keys k ON k.id = n.data_key
    ";
    let mut schema = app.owner().await;
    let rows = schema.run(stored, []).await.unwrap();
    for position in 0..2 {
        let sealed: Vec<u8> = rows[0].get(position).unwrap();
        assert!(sealed.len() > 38 && !String::from_utf8_lossy(&sealed).contains("canary"));
    }

    assert!(
        rows[0].get::<bool>(2).unwrap(),
        "the data key belongs to the customer"
    );

    agent
        .patch(&path, json!({ "text": "Another canary", "seen_at": null }))
        .await
        .assert_status(200);

    let clear = owner
        .get(&format!("{path}/text"))
        .await
        .assert_status(200)
        .json();

    assert_eq!(clear, json!({ "text": "Another canary", "seen_at": null }));
    agent
        .patch(&path, json!({ "text": "" }))
        .await
        .assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn the_audit_log_keeps_the_value_sealed() {
    let app = remarks::start(|app| app).await;
    let (agent, path) = note(&app).await;
    agent
        .patch(&path, json!({ "text": "Another canary" }))
        .await
        .assert_status(200);

    let auditor = app.actor(Auditor).await;
    let log = format!(
        "/v1/audit/events?action=remark.updated&resource_id={}",
        path.rsplit('/').next().unwrap()
    );
    let events = auditor.get(&log).await.assert_status(200).json();
    let changes = events["items"][0]["changes"].as_array().unwrap();

    assert_eq!(
        changes,
        &[json!({ "field": "text", "before": "[sealed]", "after": "[sealed]" })]
    );

    let everything = "SELECT coalesce(string_agg(e::text, ''), '') FROM audit_events e";
    let rows = app.owner().await.run(everything, []).await.unwrap();
    assert!(!rows[0].get::<String>(0).unwrap().contains("canary"));
}

/// `Debug` output of a body or a row, as in a log line, trace or panic.
#[test]
fn debug_does_not_show_the_value() {
    let about = "01a2019f-688e-7c56-9bde-013e9cd2e9f1";
    let body = json!({ "customer_id": about, "text": TEXT, "seen_at": PLACE });
    let made: CreateRemark = serde_json::from_value(body).unwrap();
    let changed: UpdateRemark =
        serde_json::from_value(json!({ "text": TEXT, "seen_at": PLACE })).unwrap();

    for printed in [format!("{made:?}"), format!("{changed:#?}")] {
        assert!(
            printed.contains("[sealed]") && !printed.contains("canary"),
            "{printed}"
        );
    }

    let wrong = serde_json::from_value::<CreateRemark>(
        json!({ "customer_id": about, "text": { "canary": TEXT } }),
    );
    assert!(!wrong.unwrap_err().to_string().contains("canary"));
}

#[test]
fn the_schema_documents_that_the_value_is_sealed() {
    use mainstay::database::{Entity as _, Erasure, SealedTable};
    assert_eq!(RemarkRow::SEALED, ["text", "seen_at"]);
    let table = SealedTable::of::<RemarkRow>();
    assert_eq!(
        (table.subject, table.erasure),
        ("customer_id", Erasure::Delete)
    );
}

/// A value that is refused before it is sealed is not quoted in the response.
#[tokio::test]
async fn a_refused_value_is_not_quoted() {
    let app = remarks::start(|app| app).await;
    let agent = app.actor(Agent).await;
    let about = create(&agent, customer("Ada", "ada@example.org")).await;
    let long = TEXT.repeat(1_000);
    let body =
        json!({ "customer_id": about.rsplit('/').next(), "text": long, "seen_at": Value::Null });
    let refused = agent.post("/v1/remarks", body).await;
    refused.assert_problem(422, "invalid_input");
    assert!(!refused.text().contains("canary"));
}
