//! Rows of each scope: `/v1/drafts` of a person, `/v1/countries` of the platform, and
//! `/v1/published-articles`, which everyone reads.

use mainstay::access::BuiltInRole::{Agent, Auditor, Owner};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::start;

/// Creates a draft and returns its path.
async fn draft(by: &Actor, body: &str, recipient: &str) -> String {
    let draft = json!({ "title": "Reply", "body": body, "recipient": recipient });
    let created = by.post("/v1/drafts", draft).await;
    created.assert_status(201).location()
}

/// Creates a row and returns its path.
async fn create(by: &Actor, collection: &str, body: Value) -> String {
    by.post(collection, body)
        .await
        .assert_status(201)
        .location()
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// The records about a row: action, organization, actor, and the recorded values.
async fn records(app: &TestApp, path: &str) -> Vec<(String, Option<String>, Value)> {
    const FIND: &str = r"
        SELECT action, organization_id::text, coalesce(after, before, 'null')
        FROM audit_events
        WHERE resource_id::text = $1
        ORDER BY id
    ";

    let rows = app.owner().await.run(FIND, [id(path).into()]).await;
    rows.unwrap()
        .iter()
        .map(|row| {
            (
                row.get(0).unwrap(),
                row.get(1).unwrap(),
                row.get(2).unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_person_keeps_rows_of_their_own() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let path = draft(&agent, "Dear Ada", "ada@example.org").await;

    let shown = agent.get(&path).await.assert_status(200).json();
    assert_eq!(shown["recipient"], "a***@example.org");
    assert_eq!(shown["version"], 1);

    let changed = agent.patch(&path, json!({ "body": "Dear Bea" })).await;
    assert_eq!(changed.assert_status(200).json()["version"], 2);

    let text = agent.get(&format!("{path}/text")).await;
    let text = text.assert_status(200).json();
    assert_eq!(
        (&text["body"], &text["recipient"]),
        (&json!("Dear Bea"), &json!("ada@example.org"))
    );

    let imported = json!({ "bodies": ["One", "Two"] });
    agent
        .post("/v1/drafts/import", imported)
        .await
        .assert_status(204);
    let listed = agent.get("/v1/drafts").await.assert_status(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);

    let found = json!({ "recipient": "ADA@example.org" });
    let found = agent.post("/v1/drafts/search", found).await;
    let found = found.assert_status(200).json();
    assert_eq!(found["items"][0]["id"], id(&path));
    assert_eq!(found["items"].as_array().unwrap().len(), 1);

    agent.delete(&path).await.assert_status(204);
    agent.get(&path).await.assert_problem(404, "not_found");
}

/// What a person keeps for themselves is not recorded in their employer's log.
#[tokio::test]
async fn the_records_of_a_persons_rows_belong_to_no_organization() {
    let app = start().await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);
    let path = draft(&agent, "Dear Ada", "ada@example.org").await;
    agent
        .patch(&path, json!({ "title": "Other" }))
        .await
        .assert_status(200);
    agent.get(&format!("{path}/text")).await.assert_status(200);
    agent.delete(&path).await.assert_status(204);

    let records = records(&app, &path).await;
    let actions: Vec<_> = records.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "draft.created",
            "draft.updated",
            "draft.revealed",
            "draft.deleted"
        ]
    );
    assert!(
        records
            .iter()
            .all(|(_, organization, _)| organization.is_none())
    );
    assert_eq!(records[0].2["user_id"], json!(agent.user()));

    let visible = auditor.get("/v1/audit/events?limit=100").await;
    let visible = visible.assert_status(200);
    assert!(!visible.text().contains("draft."), "{}", visible.text());
}

#[tokio::test]
async fn the_export_of_an_account_has_its_own_rows_and_their_records() {
    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let path = draft(&agent, "Dear Ada", "ada@example.org").await;
    draft(&other, "Dear Eve", "eve@example.org").await;
    agent
        .patch(&path, json!({ "body": "Dear Bea" }))
        .await
        .assert_status(200);

    let export = agent.get("/v1/me/export").await.assert_status(200).json();
    let drafts: Vec<_> = export["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["table"] == "drafts")
        .collect();
    assert_eq!(drafts.len(), 1);

    let text = export.to_string();
    for present in [
        "Dear Bea",
        "ada@example.org",
        "draft.created",
        "draft.updated",
        "Dear Ada",
    ] {
        assert!(text.contains(present), "{present}: {text}");
    }
    assert!(!text.contains("Dear Eve") && !text.contains("eve@example.org"));
}

#[tokio::test]
async fn deleting_an_account_deletes_its_own_rows_and_their_keys() {
    const LEFT: &str = r"
        SELECT (SELECT count(*) FROM drafts WHERE user_id = $1)
            + (SELECT count(*) FROM data_keys WHERE subject_id = $1)
    ";
    const RECORDED: &str = r"
        SELECT after
        FROM audit_events
        WHERE action = 'user_deleted' AND resource_id = $1
    ";

    let app = start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let path = draft(&agent, "Dear Ada", "ada@example.org").await;
    let kept = draft(&other, "Dear Eve", "eve@example.org").await;
    agent.delete("/v1/me").await.assert_status(204);

    let user = agent.user().uuid();
    let mut owner = app.owner().await;
    let left = owner.run(LEFT, [user.into()]).await.unwrap();
    assert_eq!(left[0].get::<i64>(0).unwrap(), 0);
    other.get(&kept).await.assert_status(200);

    let recorded = owner.run(RECORDED, [user.into()]).await.unwrap();
    let recorded: Value = recorded[0].get(0).unwrap();
    assert_eq!(recorded, json!({ "erased_rows": { "draft": [id(&path)] } }));
}

#[tokio::test]
async fn everyone_signed_in_reads_rows_of_the_platform_and_a_permission_writes_them() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let stranger = app.stranger(Agent).await;
    let path = create(
        &owner,
        "/v1/countries",
        json!({ "code": "IS", "name": "Iceland" }),
    )
    .await;

    for reader in [&owner, &agent, &stranger] {
        let shown = reader.get(&path).await.assert_status(200).json();
        assert_eq!(shown["name"], "Iceland");
        let listed = reader.get("/v1/countries").await.assert_status(200).json();
        assert_eq!(listed["items"][0]["code"], "IS");
    }

    let renamed = owner.patch(&path, json!({ "name": "Ísland" })).await;
    assert_eq!(renamed.assert_status(200).json()["version"], 2);
    agent
        .patch(&path, json!({ "name": "Mine" }))
        .await
        .assert_problem(403, "forbidden");
    owner.delete(&path).await.assert_status(204);

    // The log of the organization whose member wrote has the records.
    let records = records(&app, &path).await;
    let home = Some(owner.organization().to_string());
    let actions: Vec<_> = records.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(
        actions,
        ["country.created", "country.updated", "country.deleted"]
    );
    assert!(
        records
            .iter()
            .all(|(_, organization, _)| *organization == home)
    );
}

#[tokio::test]
async fn everyone_reads_what_is_published_of_every_organization() {
    let app = start().await;
    let (owner, stranger, anyone) = (
        app.actor(Owner).await,
        app.stranger(Owner).await,
        app.anonymous(),
    );

    let at = app.runtime().clock.now().to_string();
    for (by, title) in [(&owner, "Home"), (&stranger, "Elsewhere")] {
        let path = create(by, "/v1/articles", json!({ "title": title })).await;
        by.patch(&path, json!({ "published_at": at }))
            .await
            .assert_status(200);

        let public = format!("/v1/published-articles/{}", id(&path));
        let shown = anyone.get(&public).await.assert_status(200).json();
        assert_eq!(shown["title"], title);
    }

    // Page by page, with a filter, and also with a token.
    let first = anyone.get("/v1/published-articles?limit=1").await;
    let first = first.assert_status(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = anyone
        .get(&format!("/v1/published-articles?limit=1&cursor={cursor}"))
        .await;
    let second = second.assert_status(200).json();
    assert_ne!(first["items"][0]["title"], second["items"][0]["title"]);
    assert_eq!(second["next_cursor"], Value::Null);

    let filtered = owner.get("/v1/published-articles?title=Elsewhere").await;
    let filtered = filtered.assert_status(200).json();
    assert_eq!(filtered["items"].as_array().unwrap().len(), 1);
}
