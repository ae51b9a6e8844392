//! A panic in an endpoint answers 500, and leaks no lock and no Postgres connection.

use std::collections::BTreeSet;

use mainstay::{
    access::BuiltInRole::Owner,
    database::{Relation, Transaction},
    prelude::*,
};
use mainstay_testing::TestApp;
use time::macros::datetime;

permission! {
    /// Panic.
    pub Panic = "panics.cause", for [Owner];
}

const GRANTS: [&str; 2] = [
    r"
        INSERT INTO permissions (name, help)
        VALUES ('panics.cause', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO role_permissions
        SELECT id, 'panics.cause'
        FROM roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Locks a row; a leaked transaction would keep the lock.
const LOCK: &str = r"
    SELECT id
    FROM mainstay.organizations
    WHERE id = $1
    FOR UPDATE
";

/// The caller's organization.
enum Organizations {}

impl Relation for Organizations {
    type Scope = mainstay::database::OrganizationScope;

    const NAME: &'static str = "organizations";
    const TABLE: &'static str = "mainstay.organizations";
    const CONDITION: &'static str = "id = ?";

    fn columns() -> impl Iterator<Item = &'static str> {
        ["id"].into_iter()
    }
}

/// A value is bound before it reaches Postgres.
const BINDING: &str = "SELECT 1 FROM organizations WHERE $1 < now()";

async fn lock(transaction: &Transaction<Panic>) -> Result<(), DatabaseError> {
    let organization = transaction.organization();
    transaction
        .unlimited("a test")
        .select("panics.lock", LOCK, [organization.into()])
        .await
        .map(drop)
}

/// Panic in the middle of a transaction.
#[get("/v1/panics/transaction")]
async fn panic_in_transaction(by: Allowed<Panic>) -> Result<NoContent, Problem> {
    by.transaction(async |tx| -> Result<(), Problem> {
        lock(&tx).await?;
        panic!("as the test expects");
    })
    .await?;
    Ok(NoContent)
}

/// Panic where a value is bound: this timestamp does not exist in UTC.
#[get("/v1/panics/value")]
async fn panic_at_a_value(by: Allowed<Panic>) -> Result<NoContent, Problem> {
    let value = datetime!(9999-12-31 23:59:59 -1).into();
    by.query::<(Organizations,), i32>("panics.value", BINDING, [value])
        .await?;
    Ok(NoContent)
}

/// The same in the middle of a transaction.
#[get("/v1/panics/both")]
async fn panic_at_a_value_in_transaction(by: Allowed<Panic>) -> Result<NoContent, Problem> {
    by.transaction(async |tx| -> Result<(), Problem> {
        lock(&tx).await?;
        let value = datetime!(9999-12-31 23:59:59 -1).into();
        tx.query::<(Organizations,), i32>("panics.value", BINDING, [value])
            .await?;
        Ok(())
    })
    .await?;
    Ok(NoContent)
}

/// Process ids of the backends that serve this app.
async fn backends(app: &TestApp) -> BTreeSet<i32> {
    let text = r"
        SELECT pid
        FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'mainstay_server'
    ";
    let rows = app
        .owner()
        .await
        .run(text, [])
        .await
        .expect("the activity is read");
    rows.iter()
        .map(|row| row.get(0).expect("the column is a number"))
        .collect()
}

#[tokio::test]
async fn a_panic_costs_no_connection() {
    let module = Module::new("panics").endpoints((
        panic_in_transaction,
        panic_at_a_value,
        panic_at_a_value_in_transaction,
    ));

    let app = TestApp::builder(fixture::platform().module(module))
        .setting("database.pool_size", "2")
        .start()
        .await;

    for grant in GRANTS {
        app.owner()
            .await
            .run(grant, [])
            .await
            .expect("the permission is granted");
    }

    let owner = app.actor(Owner).await;
    owner.get("/v1/customers").await.assert_status(200);

    let before = backends(&app).await;

    for _ in 0..5 {
        for path in [
            "/v1/panics/transaction",
            "/v1/panics/value",
            "/v1/panics/both",
        ] {
            owner.get(path).await.assert_problem(500, "internal_error");
            owner.get("/v1/customers").await.assert_status(200);
        }
    }

    assert_eq!(backends(&app).await, before);

    // No transaction still holds the row.
    let text = "UPDATE organizations SET name = name";
    app.owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are not locked");
}
