//! Queueing jobs as a module does, and reading them from the queue.

use std::time::Duration;

use mainstay::{
    database::{Change, Database, Error, Event, Job, Origin, Sql},
    kernel::Uuid,
    mail::{Letter, Mail},
};
use mainstay_testing::TestApp;
use tokio::time::{sleep, timeout};

use crate::http::PATIENCE;

/// A job in the queue.
#[derive(Debug)]
pub struct QueuedJob {
    pub state: String,
    pub attempts: i32,
    pub error: String,
    pub has_payload: bool,
}

pub fn sql(database: &Database) -> Sql {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "test",
        address: None,
    };
    Sql::unlimited("a test queues a job", database, origin, None)
}

pub fn event() -> Event {
    Event {
        action: "test_queued".to_owned(),
        resource: "job",
        resource_id: None,
        organization: None,
    }
}

/// Queues a job with a successful change, and returns its id.
pub async fn queue(database: &Database, job: Job) -> Uuid {
    let id = job.id().uuid();
    let change = Change::new("test", "changed AS (SELECT 1)", [], event()).queue(job);
    sql(database)
        .change(change)
        .await
        .expect("the job is queued");
    id
}

pub async fn queue_mail(database: &Database, to: &str) -> Uuid {
    let job = mail_to(to)
        .job(&sql(database))
        .expect("the payload is serializable");
    queue(database, job).await
}

pub fn mail_to(to: &str) -> Mail {
    let letter = Letter::new("A test")
        .paragraph("canary-text")
        .button("Go", "https://a.example/#token=canary-token");
    Mail::new(to, &letter).expect("the address is valid")
}

pub async fn find_job(app: &TestApp, id: Uuid) -> Option<QueuedJob> {
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
        .expect("the row is read");

    let read = |row: &mainstay::database::Row| -> Result<QueuedJob, Error> {
        Ok(QueuedJob {
            state: row.get(0)?,
            attempts: row.get(1)?,
            error: row.get(2)?,
            has_payload: row.get(3)?,
        })
    };

    rows.first()
        .map(|row| read(row).expect("the row has these columns"))
}

/// Waits until the job is as `wanted`.
pub async fn until(app: &TestApp, id: Uuid, wanted: impl Fn(&QueuedJob) -> bool) -> QueuedJob {
    let mut last = None;
    let reached = async {
        loop {
            last = find_job(app, id).await;
            if last.as_ref().is_some_and(&wanted) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };

    let outcome = timeout(PATIENCE, reached).await;
    assert!(outcome.is_ok(), "the job did not reach the state: {last:?}");

    last.expect("the job was in the queue")
}

pub async fn until_state(app: &TestApp, id: Uuid, state: &str) -> QueuedJob {
    until(app, id, |it| it.state == state).await
}
