//! Retention: which rows are removed, which stay, and that two workers remove each row once.

use std::time::Duration as StdDuration;

use futures_util::future::join;
use mainstay::{
    access::BuiltInRole::{Auditor, Owner},
    database::{Enforced, Retention},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};
use time::Duration;
use tokio::time::{sleep, timeout};

use crate::{
    http::PATIENCE,
    remarks::{self, RemarkRow},
};

const DAYS_30: StdDuration = StdDuration::from_secs(30 * 86_400);

fn clock() -> Clock {
    Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000))
}

/// The rule of the fixture, which is off until its period is set.
fn rule(app: &TestApp) -> Retention {
    let rules = app.platform().retention_rules();
    let rule = rules
        .into_iter()
        .find(|rule| rule.table() == "customers")
        .expect("the fixture has a retention rule");
    assert_eq!(rule.period(), None);
    rule.with_period(Some(DAYS_30))
}

async fn create(by: &Actor, name: &str, status: &str) -> String {
    let body = json!({ "full_name": name, "email": "ada@example.org", "status": status });
    by.post("/v1/customers", body)
        .await
        .assert_status(201)
        .location()
}

async fn events(app: &TestApp, action: &str) -> Vec<Value> {
    let auditor = app.actor(Auditor).await;
    let answer = auditor
        .get(&format!("/v1/audit/events?limit=100&action={action}"))
        .await;
    answer.assert_status(200).json()["items"]
        .as_array()
        .expect("the member is a list")
        .clone()
}

#[tokio::test]
async fn expired_rows_are_erased_and_nothing_else() {
    let clock = clock();
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let owner = app.actor(Owner).await;
    let over = create(&owner, "Over", "inactive").await;

    let active = create(&owner, "Active", "active").await;
    let touched = create(&owner, "Touched", "inactive").await;
    clock.advance(Duration::days(20));

    let owner = app.actor(Owner).await;
    owner
        .patch(&touched, json!({ "tags": ["called"] }))
        .await
        .assert_status(200);

    let recent = create(&owner, "Recent", "inactive").await;
    let rule = rule(&app);
    assert_eq!(
        rule.enforce(app.database()).await.expect("the check runs"),
        Enforced::default()
    );

    clock.advance(Duration::days(10) + Duration::SECOND);
    let done = rule.enforce(app.database()).await.expect("the check runs");
    assert_eq!(
        done,
        Enforced {
            rows: 1,
            referred_to: 0
        }
    );

    let owner = app.actor(Owner).await;
    owner.get(&over).await.assert_problem(404, "not_found");
    for stays in [&active, &touched, &recent] {
        owner
            .get(&format!("{stays}/personal-data"))
            .await
            .assert_status(200);
    }

    let erased = events(&app, "customer.erased").await;
    assert_eq!(erased.len(), 1);
    assert_eq!(
        (&erased[0]["operation"], &erased[0]["actor_id"]),
        (&json!("retention"), &Value::Null)
    );
    assert_eq!(
        erased[0]["resource_id"],
        over.rsplit('/').next().expect("the id is present")
    );

    // A rule that is off does nothing at any time.
    assert_eq!(
        rule.with_period(None)
            .enforce(app.database())
            .await
            .expect("the rule is off"),
        Enforced::default()
    );
}

/// More than one batch, and two workers that enforce the rule at the same time.
#[tokio::test]
async fn two_workers_erase_each_row_once() {
    let clock = clock();
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let owner = app.actor(Owner).await;
    for number in 0..120 {
        create(&owner, &format!("Number {number}"), "inactive").await;
    }

    clock.advance(Duration::days(31));
    let rule = rule(&app);
    let (one, other) = join(rule.enforce(app.database()), rule.enforce(app.database())).await;
    let (one, other) = (
        one.expect("the first worker succeeds"),
        other.expect("the second worker succeeds"),
    );

    assert_eq!(one.rows + other.rows, 120, "{one:?} {other:?}");

    let counts = r"
        SELECT (SELECT count(*) FROM mainstay.audit_events WHERE action = 'customer.erased'),
            (
                SELECT count(DISTINCT resource_id)
                FROM mainstay.audit_events
                WHERE action = 'customer.erased'
            ), (SELECT count(*) FROM customers WHERE data_key IS NOT NULL)
    ";

    let rows = app
        .owner()
        .await
        .run(counts, [])
        .await
        .expect("the rows are counted");

    let count = |position| {
        rows[0]
            .get::<i64>(position)
            .expect("the column is a number")
    };
    assert_eq!((count(0), count(1), count(2)), (120, 120, 0));
}

/// End to end: a setting turns the rule on, and the worker of a serving process enforces it.
#[tokio::test]
async fn the_worker_enforces_the_configured_period() {
    let clock = clock();
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("retention.rules", "customers=30d")
        .start()
        .await;
    let owner = app.actor(Owner).await;

    let path = create(&owner, "Over", "inactive").await;
    clock.advance(Duration::days(31));
    app.advance_queue(StdDuration::from_secs(3_600)).await;

    let owner = app.actor(Owner).await;
    let gone = async {
        while owner.get(&path).await.status != 404 {
            sleep(StdDuration::from_millis(100)).await;
        }
    };

    timeout(PATIENCE, gone)
        .await
        .expect("the worker erases the row");
    assert_eq!(events(&app, "customer.erased").await.len(), 1);
}

#[tokio::test]
async fn rows_can_be_deleted_and_referenced_rows_stay() {
    let clock = clock();
    let app = remarks::start(|builder| builder.clock(clock.clone())).await;
    let owner = app.actor(Owner).await;
    let customer = create(&owner, "Ada", "active").await;
    let about = customer
        .rsplit('/')
        .next()
        .expect("the id is present")
        .to_owned();

    let note = async || {
        let body = json!({ "customer_id": about, "text": "Late again" });
        // Ids sort by their time of creation.
        clock.advance(Duration::SECOND);
        owner
            .post("/v1/remarks", body)
            .await
            .assert_status(201)
            .location()
    };

    let (over, quoted) = (note().await, note().await);
    let mut schema = app.owner().await;
    let quote = "CREATE TABLE quotes AS SELECT id AS note_id FROM remarks ORDER BY id OFFSET 1";

    schema.run(quote, []).await.expect("the table is created");
    let refer = "ALTER TABLE quotes ADD CONSTRAINT quotes_note_fkey FOREIGN KEY (note_id) REFERENCES remarks (id)";
    schema
        .run(refer, [])
        .await
        .expect("the foreign key is added");

    let rule = Retention::counted_from(RemarkRow::CREATED_AT)
        .after(DAYS_30)
        .delete();
    assert_eq!(
        rule.enforce(app.database()).await.expect("the check runs"),
        Enforced::default()
    );

    clock.advance(Duration::days(31));
    let done = rule
        .enforce(app.database())
        .await
        .expect("the rule deletes rows");
    assert_eq!(
        done,
        Enforced {
            rows: 1,
            referred_to: 1
        }
    );

    let owner = app.actor(Owner).await;
    owner.get(&over).await.assert_problem(404, "not_found");
    owner.get(&quoted).await.assert_status(200);

    let left = r"
        SELECT (SELECT count(*) FROM remarks),
            (
                SELECT count(*)
                FROM mainstay.data_keys k
                WHERE NOT EXISTS (
                    SELECT FROM remarks
                    WHERE data_key = k.id
                    UNION
                    SELECT FROM customers
                    WHERE data_key = k.id
                    UNION
                    SELECT FROM mainstay.users
                    WHERE data_key = k.id
                )
            )
    ";
    let rows = schema.run(left, []).await.expect("the rows are counted");

    assert_eq!(
        (
            rows[0].get::<i64>(0).expect("the column is a number"),
            rows[0].get::<i64>(1).expect("the column is a number")
        ),
        (1, 0)
    );
    assert_eq!(events(&app, "remark.deleted").await.len(), 1);
}

/// The rule of people's own rows: whose they are makes no difference, and the record belongs to no
/// organization.
#[tokio::test]
async fn expired_rows_of_people_are_deleted() {
    const LEFT: &str = r"
        SELECT
            (SELECT count(*) FROM drafts),
            (SELECT count(*) FROM data_keys k JOIN users u ON k.organization_id = u.id),
            (
                SELECT count(*)
                FROM audit_events
                WHERE action = 'draft.deleted' AND organization_id IS NULL
            )
    ";

    let clock = clock();
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    for person in [app.actor(Owner).await, app.actor(Auditor).await] {
        let draft = json!({ "title": "Old", "body": "Dear Ada" });
        person.post("/v1/drafts", draft).await.assert_status(201);
    }

    let rules = app.platform().retention_rules();
    let rule = rules.into_iter().find(|rule| rule.table() == "drafts");
    let rule = rule
        .expect("the fixture has a retention rule")
        .with_period(Some(DAYS_30));
    clock.advance(Duration::days(31));
    let done = rule.enforce(app.database()).await.expect("the rule runs");
    assert_eq!((done.rows, done.referred_to), (2, 0));

    let left = app.owner().await.run(LEFT, []).await;
    let left = left.expect("the rows are counted");
    let counts = [0, 1, 2].map(|column| left[0].get::<i64>(column).expect("a count is a number"));
    assert_eq!(counts, [0, 0, 2]);
}
