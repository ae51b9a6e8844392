//! `GET /v1/me`.

use mainstay::access::BuiltInRole::{Agent, Auditor};
use serde_json::json;

use crate::start;

#[tokio::test]
async fn me_shows_account_organization_role_and_permissions() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let me = agent.get("/v1/me").await.assert_status(200).json();
    assert_eq!(me["email"], agent.email());
    assert_eq!(me["user_id"], json!(agent.user()));
    assert_eq!(me["organization"]["id"], json!(agent.organization()));
    assert_eq!(me["role"], "agent");
    assert_eq!(
        me["permissions"],
        json!([
            "articles.read",
            "customers.read",
            "customers.write",
            "organization.read"
        ])
    );
}

#[tokio::test]
async fn an_auditor_reads_and_changes_nothing() {
    let app = start().await;
    let auditor = app.actor(Auditor).await;
    let me = auditor.get("/v1/me").await.assert_status(200).json();
    let permissions: Vec<_> = me["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it.as_str())
        .collect();

    assert!(
        permissions.contains(&"audit.read") && permissions.iter().all(|it| it.ends_with(".read")),
        "{me}"
    );
}
