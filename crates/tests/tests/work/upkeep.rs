//! Periodic tasks: one of the workers runs each.

use std::{sync::Arc, time::Duration};

use mainstay::{
    config::Reader,
    database::Error,
    jobs::{Handler, Settings, Worker},
    prelude::Periodic,
};
use mainstay_testing::TestApp;
use tokio::time::{sleep, timeout};

use crate::{http::PATIENCE, jobs::Counter};

async fn until(counter: &Counter, count: usize) {
    let reached = async {
        while counter.get() < count {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("the task ran {} times, not {count}", counter.get()));
}

fn worker(app: &TestApp, task: &Periodic) -> Worker {
    let none: [Arc<dyn Handler>; 0] = [];
    let settings = Settings::read(&mut Reader::new([]));
    Worker::new(app.database().clone(), none, settings).periodic([task.clone()])
}

#[tokio::test]
async fn one_worker_runs_a_due_task() {
    let app = TestApp::start(fixture::platform()).await;
    let (ran, looked) = (Counter::default(), Counter::default());
    let counted = ran.clone();
    let task = Periodic::new("test.upkeep", Duration::from_secs(60), move |_| {
        counted.add();
        async { Ok(()) }
    });

    // A second task with the same period, which each worker runs after the first: it shows that
    // they have looked.
    let counted = looked.clone();
    let witness = Periodic::new("test.witness", Duration::from_secs(60), move |_| {
        counted.add();
        async { Ok(()) }
    });
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        workers.spawn(
            worker(&app, &task)
                .periodic([witness.clone()])
                .run(std::future::pending()),
        );
    }

    for round in 1..=3 {
        until(&ran, round).await;
        until(&looked, round).await;
        assert_eq!((ran.get(), looked.get()), (round, round));
        app.advance_queue(Duration::from_secs(61)).await;
    }
}

#[tokio::test]
async fn a_failed_task_is_retried_soon() {
    let app = TestApp::start(fixture::platform()).await;
    let ran = Counter::default();
    let counted = ran.clone();
    let task = Periodic::new("test.failing", Duration::from_secs(86_400), move |_| {
        let first = counted.add() == 1;
        async move { if first { Err(Error::NotFound) } else { Ok(()) } }
    });

    let working = tokio::spawn(worker(&app, &task).run(std::future::pending()));
    until(&ran, 1).await;

    // Less than a day, but more than the few minutes after which a failure is retried.
    let again = async {
        while ran.get() < 2 {
            app.advance_queue(Duration::from_secs(360)).await;
            sleep(Duration::from_millis(500)).await;
        }
    };

    timeout(PATIENCE, again).await.expect("the task runs again");
    working.abort();
}
