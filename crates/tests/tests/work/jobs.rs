//! Jobs of modules: they run once their change is committed, run again when they fail, and never
//! run when the change failed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use mainstay::{
    database::Change,
    prelude::{Claimed, Handler, JobError},
};
use mainstay_testing::TestApp;

use crate::queue::{event, queue, sql, until, until_state};

/// Does what its payload says, and records each attempt.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Vec<(String, i32)>>>);

impl Scripted {
    fn note(&self, what: String, attempt: i32) {
        self.0
            .lock()
            .expect("the lock is not poisoned")
            .push((what, attempt));
    }

    fn attempts(&self, order: &str) -> Vec<i32> {
        let done = self.0.lock().expect("the lock is not poisoned");
        done.iter()
            .filter(|(done, _)| done == order)
            .map(|(_, attempt)| *attempt)
            .collect()
    }
}

impl Handler for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let order: String = job.payload()?;
            self.note(order.clone(), job.attempt());

            match order.as_str() {
                "fail twice" if job.attempt() < 3 => Err(JobError::retry("not yet")),
                "fail always" => Err(JobError::retry("never")),
                "give up" => Err(JobError::give_up("no use")),
                "panic" => panic!("as ordered"),
                "hang" if job.attempt() < 2 => std::future::pending().await,
                "hang after hand-over" => {
                    job.hand_over().await?;
                    std::future::pending().await
                }
                "stall" if job.attempt() == 1 => {
                    while self.attempts("stall").len() < 2 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    let outcome = job.hand_over().await;
                    self.note(format!("stalled: {outcome:?}"), 1);
                    outcome
                }
                _ => Ok(()),
            }
        })
    }
}

async fn start(handler: &Scripted) -> TestApp {
    TestApp::builder(fixture::platform().handler(handler.clone()))
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "1ms")
        .setting("jobs.attempts", "3")
        .setting("jobs.timeout", "2s")
        .start()
        .await
}

async fn order(app: &TestApp, order: &str) -> mainstay::kernel::Uuid {
    let job = sql(app.database())
        .job("scripted", &order)
        .expect("the payload is serializable");
    queue(app.database(), job).await
}

#[tokio::test]
async fn a_job_is_retried_until_it_succeeds() {
    let handler = Scripted::default();
    let app = start(&handler).await;
    let (easy, hard, hangs) = (
        order(&app, "do").await,
        order(&app, "fail twice").await,
        order(&app, "hang").await,
    );

    for (id, attempts) in [(easy, 1), (hard, 3), (hangs, 2)] {
        let done = until_state(&app, id, "done").await;
        assert_eq!(
            (done.attempts, done.has_payload, done.error.as_str()),
            (attempts, false, ""),
            "{done:?}"
        );
    }

    assert_eq!(handler.attempts("do"), [1]);
    assert_eq!(handler.attempts("fail twice"), [1, 2, 3]);
}

#[tokio::test]
async fn a_job_that_fails_too_often_is_kept_with_its_reason() {
    let handler = Scripted::default();
    let app = start(&handler).await;

    for (what, attempts, reason) in [
        ("fail always", 3, "never"),
        ("give up", 1, "no use"),
        ("panic", 3, "panicked"),
    ] {
        let id = order(&app, what).await;
        let failed = until_state(&app, id, "failed").await;
        assert_eq!(
            (failed.attempts, failed.has_payload, failed.error.as_str()),
            (attempts, true, reason)
        );
        assert_eq!(
            handler.attempts(what).len(),
            usize::try_from(attempts).expect("the number is small")
        );
    }

    // The worker still runs.
    let id = order(&app, "do").await;
    until_state(&app, id, "done").await;
}

#[tokio::test]
async fn a_job_that_was_handed_over_runs_once() {
    let handler = Scripted::default();
    let app = start(&handler).await;
    let id = order(&app, "hang after hand-over").await;
    let left = until(&app, id, |it| {
        it.state == "handed_over" && !it.error.is_empty()
    })
    .await;

    assert_eq!((left.attempts, left.error.as_str()), (1, "timed out"));

    let other = order(&app, "do").await;
    until_state(&app, other, "done").await;
    assert_eq!(handler.attempts("hang after hand-over"), [1]);
}

/// A worker that stalls past its lease finds that it lost the job, before it does anything
/// irreversible.
#[tokio::test]
async fn a_worker_that_lost_its_lease_stops() {
    let handler = Scripted::default();
    let builder =
        TestApp::builder(fixture::platform().handler(handler.clone())).setting("jobs.poll", "50ms");
    let app = builder.start().await;
    let id = order(&app, "stall").await;

    until_state(&app, id, "running").await;
    let expire = "UPDATE mainstay.jobs SET run_at = '-infinity' WHERE id = $1";
    app.owner()
        .await
        .run(expire, [id.into()])
        .await
        .expect("the lease runs out");

    let done = until_state(&app, id, "done").await;
    assert_eq!((done.attempts, handler.attempts("stall")), (2, vec![1, 2]));

    let refused = format!(
        "stalled: {:?}",
        Err::<(), _>(JobError::retry("the lease expired"))
    );
    let was_refused = async {
        while handler.attempts(&refused).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, was_refused)
        .await
        .expect("the stalled worker is refused");

    assert_eq!(until_state(&app, id, "done").await.attempts, 2);
}

/// OWASP ASVS 2.3.3: a job and its change are committed together.
#[tokio::test]
async fn a_job_of_a_failed_change_is_never_queued() {
    const REFUSED: &str = r"
            changed AS (
                INSERT INTO mainstay.sessions (id)
                VALUES (gen_random_uuid())
                RETURNING id
            )
        ";

    let handler = Scripted::default();
    let app = start(&handler).await;
    let around = sql(app.database());
    let job = |order: &str| {
        around
            .job("scripted", &order)
            .expect("the payload is serializable")
    };
    let refused = Change::new("test", REFUSED, [], event()).queue(job("refused"));

    around
        .change(refused)
        .await
        .err()
        .expect("the schema refuses the row");

    let nothing =
        Change::new("test", "changed AS (SELECT 1 WHERE false)", [], event()).queue(job("nothing"));
    assert!(
        around
            .change(nothing)
            .await
            .expect("a change of no rows is not an error")
            .is_empty()
    );

    let done = order(&app, "do").await;
    until_state(&app, done, "done").await;
    assert_eq!(
        app.owner()
            .await
            .run("SELECT 1 FROM mainstay.jobs", [])
            .await
            .expect("the rows are read")
            .len(),
        1
    );
    assert_eq!(
        (handler.attempts("refused"), handler.attempts("nothing")),
        (vec![], vec![])
    );
}

/// A new release may queue a kind of job that an old one does not know.
#[tokio::test]
async fn a_job_of_an_unknown_kind_waits() {
    let app = start(&Scripted::default()).await;
    let job = sql(app.database())
        .job("unknown_kind", &())
        .expect("the payload is serializable");
    let unknown = queue(app.database(), job).await;
    let known = order(&app, "do").await;
    until_state(&app, known, "done").await;
    assert_eq!(until_state(&app, unknown, "waiting").await.attempts, 0);
}

/// With several workers, each job runs once.
#[tokio::test]
async fn each_job_is_run_by_one_worker() {
    const JOBS: usize = 100;

    let handler = Scripted::default();
    let app = start(&handler).await;
    let workers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(worker(&app, &handler).run(std::future::pending())))
        .collect();

    for number in 0..JOBS {
        order(&app, &format!("do {number}")).await;
    }

    app.until_idle().await;

    for number in 0..JOBS {
        assert_eq!(
            handler.attempts(&format!("do {number}")),
            [1],
            "job {number}"
        );
    }

    workers.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A retry waits by the database's clock.
#[tokio::test]
async fn a_retry_waits_for_its_time() {
    const HOUR: Duration = Duration::from_secs(3_600);

    let handler = Scripted::default();
    let app = TestApp::builder(fixture::platform().handler(handler.clone()))
        .setting("jobs.poll", "20ms")
        .setting("jobs.retry_delay", "1h")
        .start()
        .await;

    let id = order(&app, "fail twice").await;
    until(&app, id, |it| it.attempts == 1 && it.state == "waiting").await;

    let other = order(&app, "do").await;
    until_state(&app, other, "done").await;
    assert_eq!(handler.attempts("fail twice"), [1]);

    app.advance_queue(HOUR).await;
    until(&app, id, |it| it.attempts == 2 && it.state == "waiting").await;
    app.advance_queue(HOUR).await;
    until_state(&app, id, "done").await;
}

/// OWASP ASVS 14.2.4: finished jobs are deleted after a while.
#[tokio::test]
async fn finished_jobs_are_deleted() {
    let handler = Scripted::default();
    let app = TestApp::builder(fixture::platform().handler(handler.clone()))
        .start()
        .await;
    let (done, failed) = (order(&app, "do").await, order(&app, "give up").await);

    until_state(&app, done, "done").await;
    until_state(&app, failed, "failed").await;
    app.advance_queue(Duration::from_secs(8 * 86_400)).await;

    let waiting = order(&app, "do").await;
    until_state(&app, waiting, "done").await;

    // A worker runs due upkeep when it starts.
    let worker = tokio::spawn(worker(&app, &handler).run(std::future::pending()));
    let mut owner = app.owner().await;
    let left = async {
        loop {
            let rows = owner
                .run("SELECT id FROM mainstay.jobs", [])
                .await
                .expect("the rows are read");
            if rows.len() == 1 {
                return rows[0]
                    .get::<mainstay::kernel::Uuid>(0)
                    .expect("the id is present");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    assert_eq!(
        tokio::time::timeout(crate::http::PATIENCE, left)
            .await
            .expect("finished jobs are deleted"),
        waiting
    );

    worker.abort();
}

fn worker(app: &TestApp, handler: &Scripted) -> mainstay::jobs::Worker {
    let mut reader = mainstay::config::Reader::new([]);
    let settings = mainstay::jobs::Settings::read(&mut reader);
    mainstay::jobs::Worker::new(
        app.database().clone(),
        [Arc::new(handler.clone()) as Arc<dyn Handler>],
        settings,
    )
}

/// Counts runs.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
