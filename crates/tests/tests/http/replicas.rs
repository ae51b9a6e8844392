//! What one replica does is known to the others within a second (OWASP ASVS 7.4.1, 7.4.2, 8.3.2).

use std::time::{Duration, Instant};

use mainstay::access::BuiltInRole::{Agent, Manager};
use mainstay_testing::Client;
use serde_json::json;

use crate::{create, customer, start};

/// Asks again and again until the status comes, for a second at most.
pub async fn within_a_second(client: &Client, path: &str, status: u16) {
    let start = Instant::now();

    loop {
        let answer = client.get(path).await;
        if answer.status == status {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{path} still answers {}",
            answer.status
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_that_ends_on_one_replica_ends_on_all() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let there = replica.client_of(&agent);
    there.get("/v1/me").await.assert_status(200);
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);
    within_a_second(&there, "/v1/me", 401).await;
}

#[tokio::test]
async fn a_changed_role_is_changed_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (agent, manager) = (app.actor(Agent).await, app.actor(Manager).await);
    let path = format!(
        "{}/personal-data",
        create(&manager, customer("Ada", "ada@example.org")).await
    );

    let (here, there) = (&agent, replica.client_of(&agent));
    here.get(&path).await.assert_status(403);
    there.get(&path).await.assert_status(403);

    let promote = r"
        UPDATE memberships
        SET role_id = (SELECT id FROM roles WHERE name = 'manager')
        WHERE user_id = $1
    ";
    app.owner()
        .await
        .run(promote, [agent.user().uuid().into()])
        .await
        .unwrap();

    within_a_second(here, &path, 200).await;
    within_a_second(&there, &path, 200).await;
}

#[tokio::test]
async fn a_permission_taken_from_a_role_is_taken_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let there = replica.client_of(&agent);
    there.get("/v1/customers").await.assert_status(200);
    let revoke = r"
        DELETE FROM role_permissions
        WHERE permission = 'customers.read'
          AND role_id = (SELECT id FROM roles WHERE name = 'agent')
    ";
    app.owner().await.run(revoke, []).await.unwrap();
    within_a_second(&there, "/v1/customers", 403).await;
    within_a_second(&agent, "/v1/customers", 403).await;
}

#[tokio::test]
async fn an_account_that_is_deactivated_is_refused_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let there = replica.client_of(&agent);

    there.get("/v1/me").await.assert_status(200);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    within_a_second(&there, "/v1/me", 401).await;
}

#[tokio::test]
async fn a_row_made_on_one_replica_is_read_and_changed_on_another() {
    let app = start().await;
    let replica = app.second_replica().await;
    let manager = app.actor(Manager).await;
    let there = replica.client_of(&manager);
    let path = create(&manager, customer("Ada", "ada@example.org")).await;
    there
        .patch(&path, json!({ "full_name": "Bea" }))
        .await
        .assert_status(200);
    let revealed = manager.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["full_name"], "Bea");
}
