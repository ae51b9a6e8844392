//! Writes beyond one row: jobs beside a write, transactions, increments, locked rows.

use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay::{access::BuiltInRole::Owner, http::Method, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};
use tokio::sync::Notify;

permission! {
    /// Change tills.
    pub TillsWrite = "tills.write", for [Owner];
}

#[derive(Entity)]
#[entity(table = "tills", resource = "till")]
struct TillRow {
    id: Id<TillRow>,
    label: String,
    cents: i64,
    version: i64,
    updated_at: Timestamp,
}

const SCHEMA: [&str; 4] = [
    r"
        CREATE TABLE tills (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            label text NOT NULL CONSTRAINT tills_label_key UNIQUE,
            cents bigint NOT NULL CONSTRAINT tills_cents_positive CHECK (cents >= 0),
            version bigint NOT NULL,
            updated_at timestamptz NOT NULL
        )
    ",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON tills TO mainstay_server",
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('tills.write', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'tills.write'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// The till has too little money, or another till has the label.
const REFUSED: Kind = Kind::new(StatusCode::CONFLICT, "refused", "The till refuses it.");

#[input]
pub struct CreateTill {
    #[garde(length(chars, min = 1, max = 20))]
    label: String,
}

#[input]
pub struct Move {
    /// Taken from this till.
    from: Id<TillRow>,
    /// Put into this one.
    to: Id<TillRow>,
    #[garde(range(min = -1000, max = 1000))]
    cents: i64,
    /// Whether two moves wait until each holds one till.
    meet: bool,
}

#[view]
pub struct TillView {
    id: Id<TillRow>,
    cents: i64,
    version: i64,
}

impl TillView {
    fn of(till: TillRow) -> Self {
        Self {
            id: till.id,
            cents: till.cents,
            version: till.version,
        }
    }
}

/// Create a till, and tell a job.
#[post("/v1/tills", problems(REFUSED))]
async fn create_till(
    by: Allowed<TillsWrite>,
    Json(body): Json<CreateTill>,
) -> Result<Created<TillView>, Problem> {
    let till = TillRow {
        id: by.runtime().new_id(),
        label: body.label,
        cents: 100,
        version: 1,
        updated_at: by.runtime().clock.now(),
    };

    by.insert(&till)
        .queue(by.job("till_created", &till.id)?)
        .await
        .on_constraint("tills_label_key", REFUSED)?;

    Ok(Created(TillView::of(till)))
}

/// Add to a till, and tell a job.
#[post("/v1/tills/{id}/additions", problems(NOT_FOUND, REFUSED))]
async fn add_to_till(
    by: Allowed<TillsWrite>,
    Path(id): Path<Id<TillRow>>,
    Json(body): Json<Move>,
) -> Result<Json<TillView>, Problem> {
    let changes = Changes::new().increment(TillRow::CENTS, body.cents);
    let till = by
        .update(id, IfMatch::Any, changes)
        .queue(by.job("till_changed", &id)?)
        .await
        .on_constraint("tills_cents_positive", REFUSED)?;

    Ok(Json(TillView::of(till)))
}

/// Delete a till, and tell a job.
#[delete("/v1/tills/{id}", problems(NOT_FOUND))]
async fn delete_till(
    by: Allowed<TillsWrite>,
    Path(id): Path<Id<TillRow>>,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    by.delete(id, if_match)
        .queue(by.job("till_deleted", &id)?)
        .await?;
    Ok(NoContent)
}

/// Counts how often the work of a transaction ran, and lets two of them meet.
#[derive(Default)]
struct Meeting {
    runs: AtomicUsize,
    both_hold_one: Notify,
}

/// Move money from one till to another: the first is locked, then the second.
#[post("/v1/moves", problems(NOT_FOUND, REFUSED))]
async fn move_cents(
    by: Allowed<TillsWrite>,
    meeting: Shared<Meeting>,
    Json(body): Json<Move>,
) -> Result<NoContent, Problem> {
    by.transaction(async |tx| -> Result<(), Problem> {
        let from = tx.get_for_update(body.from).await?;

        match meeting.runs.fetch_add(1, Ordering::SeqCst) {
            0 if body.meet => meeting.both_hold_one.notified().await,
            1 if body.meet => meeting.both_hold_one.notify_one(),
            _ => {}
        }

        let to = tx.get_for_update(body.to).await?;
        let set = |cents| Changes::new().set(TillRow::CENTS, cents);

        tx.update(from.id, IfMatch::Any, set(from.cents - body.cents))
            .await
            .on_constraint("tills_cents_positive", REFUSED)?;
        tx.update(to.id, IfMatch::Any, set(to.cents + body.cents))
            .await?;
        tx.queue(tx.job("cents_moved", &body.cents)?).await?;

        Ok(())
    })
    .await?;

    Ok(NoContent)
}

async fn start() -> (TestApp, Actor) {
    let module = Module::new("tills")
        .endpoints((create_till, add_to_till, delete_till, move_cents))
        .share(Meeting::default());
    let builder =
        TestApp::builder(fixture::platform().module(module)).setting("jobs.in_process", "false");
    let app = builder.start().await;

    let mut database = app.owner().await;
    for statement in SCHEMA {
        database
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    let owner = app.actor(Owner).await;
    (app, owner)
}

async fn create(by: &Actor, label: &str) -> Value {
    let answer = by.post("/v1/tills", json!({ "label": label })).await;
    answer.assert_status(201);
    answer.json()["id"].clone()
}

/// The kinds of queued jobs, and the actions of records about tills.
async fn traces(app: &TestApp) -> (Vec<String>, Vec<String>) {
    const JOBS: &str = "SELECT kind FROM mainstay.jobs ORDER BY id";
    const RECORDS: &str =
        "SELECT action FROM mainstay.audit_events WHERE resource = 'till' ORDER BY id";

    let mut owner = app.owner().await;
    let mut texts = async |text| -> Vec<String> {
        let rows = owner.run(text, []).await.expect("the rows are read");
        rows.iter()
            .map(|row| row.get(0).expect("the column is text"))
            .collect()
    };

    (texts(JOBS).await, texts(RECORDS).await)
}

#[tokio::test]
async fn a_job_is_queued_if_its_row_is_written() {
    let (app, owner) = start().await;
    let id = create(&owner, "front").await;
    let path = format!("/v1/tills/{}", id.as_str().expect("the id is a text"));
    let add = |cents: i64| json!({ "from": id, "to": id, "cents": cents, "meet": false });

    let answer = owner.post(&format!("{path}/additions"), add(25)).await;
    assert_eq!(answer.json()["cents"], 125);

    // None of these writes anything.
    owner
        .post("/v1/tills", json!({ "label": "front" }))
        .await
        .assert_problem(409, "refused");
    owner
        .post(&format!("{path}/additions"), add(-126))
        .await
        .assert_problem(409, "refused");
    owner
        .request(Method::DELETE, &path)
        .header("if-match", "\"1\"")
        .send()
        .await
        .assert_problem(412, "stale_version");
    owner
        .post(
            "/v1/tills/00000000-0000-7000-8000-000000000000/additions",
            add(1),
        )
        .await
        .assert_problem(404, "not_found");

    assert_eq!(traces(&app).await.0, ["till_created", "till_changed"]);

    owner.delete(&path).await.assert_status(204);
    let (jobs, records) = traces(&app).await;
    assert_eq!(jobs, ["till_created", "till_changed", "till_deleted"]);
    assert_eq!(records, ["till.created", "till.updated", "till.deleted"]);
}

#[tokio::test]
async fn concurrent_increments_add_up() {
    let (_app, owner) = start().await;
    let id = create(&owner, "front").await;
    let path = format!("/v1/tills/{}/additions", id.as_str().expect("it is a text"));
    let body = json!({ "from": id, "to": id, "cents": 3, "meet": false });

    let additions = (0..10).map(|_| owner.post(&path, body.clone()));
    for answer in futures_util::future::join_all(additions).await {
        answer.assert_status(200);
    }

    let last = owner.post(&path, body).await.json();
    assert_eq!(
        (&last["cents"], &last["version"]),
        (&json!(133), &json!(12))
    );
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let (app, owner) = start().await;
    let (front, back) = (create(&owner, "front").await, create(&owner, "back").await);
    let before = traces(&app).await;

    // The first update is made, then the constraint refuses it.
    let too_much = json!({ "from": front, "to": back, "cents": 101, "meet": false });
    owner
        .post("/v1/moves", too_much)
        .await
        .assert_problem(409, "refused");

    assert_eq!(traces(&app).await, before);
}

#[tokio::test]
async fn a_transaction_that_postgres_rolls_back_is_repeated() {
    let (app, owner) = start().await;
    let (front, back) = (create(&owner, "front").await, create(&owner, "back").await);

    // Both hold the till that the other wants.
    let (one, other) = futures_util::future::join(
        owner.post(
            "/v1/moves",
            json!({ "from": front, "to": back, "cents": 10, "meet": true }),
        ),
        owner.post(
            "/v1/moves",
            json!({ "from": back, "to": front, "cents": 30, "meet": true }),
        ),
    )
    .await;
    one.assert_status(204);
    other.assert_status(204);

    let rows = app
        .owner()
        .await
        .run("SELECT cents FROM tills ORDER BY label DESC", [])
        .await
        .expect("the rows are read");
    let cents: Vec<i64> = rows
        .iter()
        .map(|row| row.get(0).expect("it is a number"))
        .collect();
    assert_eq!(cents, [120, 80]);

    // Each committed transaction left its records and its job once.
    let (jobs, records) = traces(&app).await;
    let moved = jobs.iter().filter(|kind| *kind == "cents_moved");
    let updated = records.iter().filter(|action| *action == "till.updated");
    assert_eq!((moved.count(), updated.count()), (2, 4));
}
