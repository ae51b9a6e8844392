//! Letters that a feature sends to accounts.

use mainstay::{access::BuiltInRole::Owner, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

permission! {
    /// Remind people.
    pub RemindersSend = "reminders.send", for [Owner];
}

/// The transaction is given up.
const GIVEN_UP: Kind = Kind::new(StatusCode::CONFLICT, "given_up", "Given up.");

#[input]
struct Reminder {
    to: UserId,
    /// Whether the transaction fails after the letter was queued.
    fail: bool,
}

fn letter() -> Letter {
    Letter::new("A reminder").paragraph("There is a task for you.")
}

/// Remind a colleague.
#[post("/v1/reminders", problems(GIVEN_UP))]
async fn remind(
    by: Allowed<RemindersSend>,
    Json(body): Json<Reminder>,
) -> Result<NoContent, Problem> {
    by.transaction(async |tx| -> Result<(), Problem> {
        tx.mail_to(body.to, &letter()).await?;

        match body.fail {
            true => Err(GIVEN_UP.problem()),
            false => Ok(()),
        }
    })
    .await?;

    Ok(NoContent)
}

/// Remind yourself.
#[post("/v1/own-reminders")]
async fn remind_yourself(by: SignedIn, Json(body): Json<Reminder>) -> Result<NoContent, Problem> {
    by.mail_to(body.to, &letter()).await?;
    Ok(NoContent)
}

async fn start(runs_jobs: &str) -> (TestApp, Actor) {
    let module = Module::new("reminders").endpoints((remind, remind_yourself));
    let builder =
        TestApp::builder(fixture::platform().module(module)).setting("jobs.in_process", runs_jobs);
    let app = builder.start().await;
    let owner = app.actor(Owner).await;
    (app, owner)
}

fn to(recipient: &Actor, fail: bool) -> Value {
    json!({ "to": recipient.user(), "fail": fail })
}

#[tokio::test]
async fn a_colleague_gets_a_letter() {
    let (app, owner) = start("true").await;
    let colleague = app.actor(Owner).await;

    owner
        .post("/v1/reminders", to(&colleague, false))
        .await
        .assert_status(204);
    let mail = app.mail_to(colleague.email()).await;
    assert_eq!(mail.subject, "A reminder");

    owner
        .post("/v1/own-reminders", to(&owner, false))
        .await
        .assert_status(204);
    app.mail_to(owner.email()).await;
}

#[tokio::test]
async fn nobody_else_gets_one_and_a_failed_transaction_sends_none() {
    const LETTERS: &str = "SELECT count(*) FROM mainstay.jobs WHERE kind = 'mail'";
    let (app, owner) = start("false").await;
    let (colleague, stranger) = (app.actor(Owner).await, app.stranger(Owner).await);
    let letters = async || -> i64 {
        let rows = app.owner().await.run(LETTERS, []).await;
        let rows = rows.expect("the jobs are counted");
        rows[0].get(0).expect("it is a number")
    };
    let before = letters().await;

    for path in ["/v1/reminders", "/v1/own-reminders"] {
        owner
            .post(path, to(&stranger, false))
            .await
            .assert_status(204);
    }
    owner
        .post("/v1/reminders", to(&colleague, true))
        .await
        .assert_problem(409, "given_up");
    assert_eq!(letters().await, before);

    owner
        .post("/v1/reminders", to(&colleague, false))
        .await
        .assert_status(204);
    assert_eq!(letters().await, before + 1);
}
