//! How often Postgres plans a statement: planning a page takes longer than reading it, so it is to be done once.

use mainstay::{
    access::BuiltInRole::Owner,
    database::{Origin, Unscoped},
};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::{create, customer};

/// Postgres plans a prepared statement five times for the values that it is given before it looks for a plan that serves
/// all (PostgreSQL manual, PREPARE).
const TRIES: i64 = 5;

#[tokio::test]
async fn no_statement_is_planned_each_time() {
    const PLANNED: &str = "SELECT name, statement, custom_plans, generic_plans FROM pg_prepared_statements";
    let app = TestApp::builder(app::platform()).setting("database.pool_size", "1").start().await;
    let owner = app.actor(Owner).await;
    // So many that it matters how many are wanted, and that Postgres knows.
    for n in 0..300 {
        create(&owner, customer("Ada", &format!("{n}@example.org"))).await;
    }
    let mut schema = app.owner().await;
    for table in ["ANALYZE customers", "ANALYZE data_keys", "ANALYZE audit_events"] {
        schema.run(table, []).await.expect("the owner may");
    }
    for n in 0..12 {
        let path = create(&owner, customer("Ada", &format!("ada{n}@example.org"))).await;
        owner.get(&path).await.assert_status(200);
        owner.patch(&path, json!({ "status": "lead" })).await.assert_status(200);
        owner.patch(&path, json!({ "full_name": "Bea" })).await.assert_status(200);
        owner.get(&format!("{path}/personal-data")).await.assert_status(200);
        owner.get("/v1/customers?limit=3").await.assert_status(200);
        owner.get("/v1/customers?status=lead&sort=oldest").await.assert_status(200);
        owner.post("/v1/customers/search", json!({ "email": "ada1@example.org" })).await.assert_status(200);
        owner.get("/v1/audit/events").await.assert_status(200);
        owner.delete(&path).await.assert_status(204);
    }

    let origin = Origin { request: app.runtime().new_id::<Origin>().uuid(), operation: "test", address: None };
    let around = Unscoped::because("what a connection has prepared is known to it alone", app.database(), origin, None);
    let rows = around.upkeep("test", PLANNED, []).await.expect("it is asked");
    let mut often = 0;
    for row in &rows {
        let text: String = row.get(1).expect("a text");
        let (custom, generic): (i64, i64) = (row.get(2).expect("a count"), row.get(3).expect("a count"));
        assert!(custom <= TRIES, "planned {custom} times: {text}");
        often += i64::from(generic > 0);
    }
    assert!(often >= 9, "{often} statements ran often enough to tell");
}
