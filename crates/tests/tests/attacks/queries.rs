//! A feature's own query can only read: writes use another method, since they leave an audit
//! record.

use mainstay::{
    access::BuiltInRole::Owner,
    database::{Change, Event, Relation, Sql},
    prelude::*,
};
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

permission! {
    /// Run queries.
    pub QueriesRead = "queries.read", for [Owner];
}

const GRANTS: [&str; 2] = [
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('queries.read', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'queries.read'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Statements that write in different ways; the last two do so in a function.
const WRITING: [&str; 7] = [
    "DELETE FROM customers WHERE organization_id = $1 RETURNING id",
    r"
        WITH gone AS (
            DELETE FROM customers
            WHERE organization_id = $1
            RETURNING id
        )
        SELECT id
        FROM gone
    ",
    "SELECT 1), gone AS (DELETE FROM customers WHERE organization_id = $1 RETURNING id",
    r"
        UPDATE customers
        SET version = 7
        WHERE organization_id = $1
        RETURNING id
    ",
    r"
        INSERT INTO mainstay.refusals
        SELECT 'x', 0, now()
        WHERE $1::uuid IS NOT NULL
        RETURNING key -- organization_id = $1",
    "SELECT mainstay.count_refusal('x', now()) WHERE $1::uuid IS NOT NULL -- organization_id = $1",
    "SELECT 1 WHERE $1::uuid IS NOT NULL LIMIT (SELECT mainstay.count_refusal('x', now())) -- organization_id = $1",
];

/// Number of them that Postgres refuses while parsing, before anything runs.
const REFUSED_BY_PARSER: u32 = 5;

/// The caller's customers.
enum Customers {}

impl Relation for Customers {
    type Scope = mainstay::database::OrganizationScope;

    const NAME: &'static str = "customers";
    const TABLE: &'static str = "customers";

    fn columns() -> impl Iterator<Item = &'static str> {
        ["id"].into_iter()
    }
}

/// Run a writing statement as a query.
#[get("/v1/queries/{number}")]
async fn ask(by: Allowed<QueriesRead>, Path(number): Path<u32>) -> Result<NoContent, Problem> {
    by.query::<(Customers,), String>("queries.ask", WRITING[number as usize], [])
        .await?;
    Ok(NoContent)
}

/// Run it in a transaction.
#[post("/v1/queries/{number}")]
async fn ask_within(
    by: Allowed<QueriesRead>,
    Path(number): Path<u32>,
) -> Result<NoContent, Problem> {
    let organization = by.organization();
    by.transaction(async |tx| -> Result<(), Problem> {
        tx.unlimited("a test")
            .select(
                "queries.ask",
                WRITING[number as usize],
                [organization.into()],
            )
            .await?;
        Ok(())
    })
    .await?;

    Ok(NoContent)
}

/// Run it outside the door.
#[put("/v1/queries/{number}")]
async fn ask_around(
    by: Allowed<QueriesRead>,
    Path(number): Path<u32>,
) -> Result<NoContent, Problem> {
    let organization = by.organization();
    by.unlimited("a test")
        .select(
            "queries.ask",
            WRITING[number as usize],
            [organization.into()],
        )
        .await?;
    Ok(NoContent)
}

/// Queue an e-mail in a transaction, and commit it unless the number is odd.
#[patch("/v1/queries/{number}")]
async fn queue(by: Allowed<QueriesRead>, Path(number): Path<u32>) -> Result<NoContent, Problem> {
    let outcome = by
        .transaction(async |tx| -> Result<Sql, Problem> {
            let around = tx.unlimited("a test");
            let event = Event {
                action: "letter.queued".into(),
                resource: "letter",
                resource_id: None,
                organization: None,
            };

            let change = Change::new("letters.queue", "changed AS (SELECT 1)", [], event);
            around
                .change(change.queue(around.job("letter", &json!({}))?))
                .await?;

            if number % 2 == 0 {
                Ok(around)
            } else {
                Err(NOT_FOUND.problem())
            }
        })
        .await;

    // The transaction has ended, so it must not be used any more.
    if let Ok(around) = outcome {
        assert!(
            around
                .select("letters.after", "SELECT 1", [])
                .await
                .is_err()
        );
    }

    Ok(NoContent)
}

async fn start() -> (TestApp, Actor) {
    let module = Module::new("queries").endpoints((ask, ask_within, ask_around, queue));
    let builder =
        TestApp::builder(fixture::platform().module(module)).setting("jobs.in_process", "false");
    let app = builder.start().await;
    let mut database = app.owner().await;

    for grant in GRANTS {
        database
            .run(grant, [])
            .await
            .expect("the owner's statement runs");
    }

    let owner = app.actor(Owner).await;
    let customer = json!({ "full_name": "Ada", "email": "ada@example.org" });
    owner
        .post("/v1/customers", customer)
        .await
        .assert_status(201);

    (app, owner)
}

#[tokio::test]
async fn no_query_can_write() {
    let (app, owner) = start().await;
    let before = app.contents().await;

    for number in 0..WRITING.len() {
        let path = format!("/v1/queries/{number}");
        owner.get(&path).await.assert_problem(500, "internal_error");
        owner
            .put(&path, json!({}))
            .await
            .assert_problem(500, "internal_error");
    }

    for number in 0..REFUSED_BY_PARSER {
        owner
            .post(&format!("/v1/queries/{number}"), json!({}))
            .await
            .assert_problem(500, "internal_error");
    }
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn statements_take_part_in_the_transaction() {
    const QUEUED: &str = r"
        SELECT (SELECT count(*) FROM mainstay.jobs WHERE kind = 'letter'),
            (SELECT count(*) FROM mainstay.audit_events WHERE action = 'letter.queued')
    ";

    let (app, owner) = start().await;
    for (number, queued) in [(1, 0), (3, 0), (2, 1), (5, 1)] {
        owner
            .patch(&format!("/v1/queries/{number}"), json!({}))
            .await
            .assert_status(204);

        let rows = app
            .owner()
            .await
            .run(QUEUED, [])
            .await
            .expect("the owner's statement runs");

        let counts =
            [0, 1].map(|position| rows[0].get::<i64>(position).expect("the count is a number"));
        assert_eq!(counts, [queued; 2], "after {number}");
    }
}
