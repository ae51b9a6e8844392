//! A change on one replica takes effect on the others within a second (OWASP ASVS 7.4.1, 7.4.2,
//! 8.3.2).

use mainstay::access::BuiltInRole::{Agent, Manager};
use serde_json::json;

use crate::{create, customer, people::within_a_second, start};

#[tokio::test]
async fn a_session_that_ends_on_one_replica_ends_on_all() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let remote = replica.client_of(&agent);
    remote.get("/v1/me").await.assert_status(200);
    agent
        .delete("/v1/sessions/current")
        .await
        .assert_status(204);
    within_a_second(&remote, "/v1/me", 401).await;
}

#[tokio::test]
async fn a_changed_role_takes_effect_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let (agent, manager) = (app.actor(Agent).await, app.actor(Manager).await);
    let path = format!(
        "{}/personal-data",
        create(&manager, customer("Ada", "ada@example.org")).await
    );

    let (local, remote) = (&agent, replica.client_of(&agent));
    local.get(&path).await.assert_status(403);
    remote.get(&path).await.assert_status(403);

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

    within_a_second(local, &path, 200).await;
    within_a_second(&remote, &path, 200).await;
}

#[tokio::test]
async fn a_removed_permission_takes_effect_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let remote = replica.client_of(&agent);
    remote.get("/v1/customers").await.assert_status(200);
    let revoke = r"
        DELETE FROM role_permissions
        WHERE permission = 'customers.read'
          AND role_id = (SELECT id FROM roles WHERE name = 'agent')
    ";
    app.owner().await.run(revoke, []).await.unwrap();
    within_a_second(&remote, "/v1/customers", 403).await;
    within_a_second(&agent, "/v1/customers", 403).await;
}

#[tokio::test]
async fn a_deactivated_account_is_refused_everywhere() {
    let app = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let remote = replica.client_of(&agent);

    remote.get("/v1/me").await.assert_status(200);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    within_a_second(&remote, "/v1/me", 401).await;
}

#[tokio::test]
async fn a_row_created_on_one_replica_is_read_and_changed_on_another() {
    let app = start().await;
    let replica = app.second_replica().await;
    let manager = app.actor(Manager).await;
    let remote = replica.client_of(&manager);
    let path = create(&manager, customer("Ada", "ada@example.org")).await;
    remote
        .patch(&path, json!({ "full_name": "Bea" }))
        .await
        .assert_status(200);
    let revealed = manager.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["full_name"], "Bea");
}
