//! What a module does to queue work, and what the queue holds then.

use std::time::Duration;

use mainstay::{
    database::{Change, Database, Error, Event, Job, Origin, Unscoped},
    kernel::Uuid,
    mail::{Letter, Mail},
};
use mainstay_testing::TestApp;
use tokio::time::{sleep, timeout};

use crate::http::PATIENCE;

/// A job as it stands in the queue.
#[derive(Debug)]
pub struct Standing {
    pub state: String,
    pub attempts: i32,
    pub error: String,
    pub has_payload: bool,
}

pub fn unscoped(database: &Database) -> Unscoped {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "test",
        address: None,
    };
    Unscoped::because("a test queues work", database, origin, None)
}

pub fn event() -> Event {
    Event {
        action: "test_queued".to_owned(),
        resource: "job",
        resource_id: None,
        organization: None,
    }
}

/// Queues a job with a change that happens, and gives its id.
pub async fn queue(database: &Database, job: Job) -> Uuid {
    let id = job.id().uuid();
    let change = Change::new("test", "changed AS (SELECT 1)", [], event()).queue(job);
    unscoped(database)
        .change(change)
        .await
        .expect("it is queued");
    id
}

pub async fn queue_mail(database: &Database, to: &str) -> Uuid {
    let job = mail_to(to)
        .job(&unscoped(database))
        .expect("it has a JSON form");
    queue(database, job).await
}

pub fn mail_to(to: &str) -> Mail {
    let letter = Letter::new("A test")
        .paragraph("canary-text")
        .button("Go", "https://a.example/#token=canary-token");
    Mail::new(to, &letter).expect("it is an address")
}

pub async fn standing(app: &TestApp, id: Uuid) -> Option<Standing> {
    let text = r"
        SELECT state, attempts, coalesce(error, ''), payload IS NOT NULL
        FROM mainstay.jobs
        WHERE id = $1
    ";
    let rows = app
        .owner()
        .await
        .run(text, [id.into()])
        .await
        .expect("it is read");

    let read = |row: &mainstay::database::Row| -> Result<Standing, Error> {
        Ok(Standing {
            state: row.get(0)?,
            attempts: row.get(1)?,
            error: row.get(2)?,
            has_payload: row.get(3)?,
        })
    };

    rows.first()
        .map(|row| read(row).expect("it has these columns"))
}

/// Waits until the job stands as `wanted`.
pub async fn until(app: &TestApp, id: Uuid, wanted: impl Fn(&Standing) -> bool) -> Standing {
    let mut last = None;
    let reached = async {
        loop {
            last = standing(app, id).await;
            if last.as_ref().is_some_and(&wanted) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };

    let outcome = timeout(PATIENCE, reached).await;
    assert!(outcome.is_ok(), "the job never got there: {last:?}");

    last.expect("it was there")
}

pub async fn until_state(app: &TestApp, id: Uuid, state: &str) -> Standing {
    until(app, id, |it| it.state == state).await
}
