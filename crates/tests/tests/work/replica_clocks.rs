//! Replicas with different clocks: the job queue uses the database's clock, which they share.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mainstay::{
    access::BuiltInRole::Agent,
    config::Reader,
    jobs::{Settings, Worker},
    kernel::{Clock, Timestamp},
    prelude::{Claimed, Handler, JobError, Periodic},
};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::queue::{queue, sql, until, until_state};

/// The clock of a replica that is an hour ahead.
fn an_hour_ahead() -> Clock {
    Clock::manual(now() + time::Duration::hours(1))
}

fn now() -> Timestamp {
    Clock::default().now()
}

/// Fails once, or never ends.
struct FailOrHang;

impl Handler for FailOrHang {
    fn kind(&self) -> &'static str {
        "stubborn"
    }

    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            match job.payload::<String>()?.as_str() {
                "fail" => Err(JobError::retry("not yet")),
                _ => std::future::pending().await,
            }
        })
    }
}

#[tokio::test]
async fn a_replica_that_is_an_hour_ahead_delays_no_mail() {
    let app = TestApp::start(fixture::platform()).await;
    // The trigger refuses audit records from the future; this test needs the wrong clock to reach
    // the queue.
    app.owner()
        .await
        .run(
            "DROP TRIGGER audit_events_time ON mainstay.audit_events",
            [],
        )
        .await
        .expect("the owner's statement runs");

    let person = app.actor(Agent).await;
    let ahead = app.second_replica_with_clock(an_hour_ahead()).await;

    let body = json!({ "email": person.email() });
    ahead
        .anonymous()
        .post("/v1/password-resets", body)
        .await
        .assert_status(202);

    // The worker of the first replica sends it; its clock is correct.
    app.mail_to(person.email()).await;
}

#[tokio::test]
async fn a_worker_that_is_an_hour_ahead_delays_no_job() {
    let app = TestApp::builder(fixture::platform().handler(FailOrHang))
        .clock(an_hour_ahead())
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "20m")
        .setting("jobs.lease", "10m")
        .start()
        .await;

    let order = async |what: &str| {
        let job = sql(app.database())
            .job("stubborn", &what)
            .expect("the payload is serializable");
        queue(app.database(), job).await
    };

    let (fails, hangs) = (order("fail").await, order("hang").await);
    until(&app, fails, |it| it.state == "waiting" && it.attempts == 1).await;
    until_state(&app, hangs, "running").await;

    let task = Periodic::new("test.upkeep", Duration::from_secs(1_200), |_| async {
        Ok(())
    });
    let none: [Arc<dyn Handler>; 0] = [];
    let worker = Worker::new(
        app.database().clone(),
        none,
        Settings::read(&mut Reader::new([])),
    )
    .periodic([task]);

    let working = tokio::spawn(worker.run(std::future::pending()));

    // The hour appears nowhere: everything is due within 20 minutes.
    const TO_COME: &str = r"
        SELECT extract(epoch FROM max(moment) - now())::float8, count(*)
        FROM (
            SELECT run_at AS moment
            FROM mainstay.jobs
            WHERE kind = 'stubborn'
            UNION ALL
            SELECT leased_until
            FROM mainstay.jobs
            WHERE kind = 'stubborn' AND leased_until IS NOT NULL
            UNION ALL
            SELECT created_at
            FROM mainstay.jobs
            WHERE kind = 'stubborn'
            UNION ALL
            SELECT due_at
            FROM mainstay.periodic_tasks
            WHERE name = 'test.upkeep'
        ) moments
    ";

    let mut owner = app.owner().await;
    let furthest = async {
        loop {
            let rows = owner.run(TO_COME, []).await.expect("the queue is read");
            let (furthest, count): (f64, i64) = (
                rows[0].get(0).expect("the column is a number"),
                rows[0].get(1).expect("the column is a number"),
            );
            // Two times for each of two jobs, the lease of one, and the task.
            if count == 6 {
                return furthest;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    let furthest = tokio::time::timeout(crate::http::PATIENCE, furthest)
        .await
        .expect("the task is claimed");
    assert!((0.0..=1_200.0).contains(&furthest), "{furthest} s");

    working.abort();
}
