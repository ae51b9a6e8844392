//! Workers that are killed at any time: no e-mail is sent twice, and none is lost.

use std::{collections::BTreeMap, time::Duration};

use mainstay::kernel::Uuid;
use mainstay_testing::TestApp;
use tokio::time::{sleep, timeout};

use crate::{
    http::{PATIENCE, send},
    process::Deployment,
    queue::{queue_mail, until, until_state},
    smtp_server::{Fault, SmtpServer, Tls},
};

const MAILS: usize = 200;
const KILLS: usize = 6;

async fn eventually(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !reached().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_send_no_mail_twice() {
    let server = SmtpServer::at_pace(Tls::AtOnce, Duration::from_millis(20)).await;
    let deployment = Deployment::new(&server).await;
    let mut queued = Vec::new();
    for number in 0..MAILS {
        queued.push(
            queue_mail(
                deployment.app.database(),
                &format!("person-{number}@example.org"),
            )
            .await,
        );
    }

    let (mut steady, _) = deployment.worker();

    for kill in 1..=KILLS {
        let (mut victim, _) = deployment.worker();
        // Each is killed in the middle of its work, while it sends several e-mails.
        let so_far = server.received().len();
        eventually("mail flows", async || {
            server.received().len() >= (so_far + 8).min(MAILS - KILLS + kill)
        })
        .await;
        victim.signal("KILL");
        assert_eq!(victim.exit_code(), None, "the worker was killed");
    }

    eventually("every e-mail is sent or left behind", async || {
        unfinished(&deployment.app).await == 0
    })
    .await;
    steady.signal("TERM");

    assert_eq!(steady.exit_code(), Some(0), "{}", steady.log());

    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for message in server.received() {
        *arrived.entry(message.id).or_default() += 1;
    }

    let twice: Vec<_> = arrived.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");

    let left = left_behind(&deployment.app).await;
    let listed = deployment.command(&["mail", "list"]).1;

    for id in &queued {
        let has_arrived = arrived.contains_key(&id.to_string());
        assert!(has_arrived || left.contains(id), "{id} is lost");
        if left.contains(id) {
            assert!(
                listed.lines().any(|line| line.starts_with(&id.to_string())),
                "{id} is not listed: {listed}"
            );
        }
    }

    assert_eq!(
        arrived
            .keys()
            .filter(|id| !queued.iter().any(|it| it.to_string() == **id))
            .count(),
        0
    );

    // Left behind are the e-mails that a killed worker was sending: at most its concurrency.
    assert!(left.len() <= KILLS * 4, "{} are left behind", left.len());
}

/// RFC 5321 §4.1.1.4: without the final dot nothing is delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_of_a_worker_killed_before_the_hand_over_is_sent_by_the_next() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([Fault::SilentAtData]);

    let deployment = Deployment::new(&server).await;
    let (mut victim, _) = deployment.worker();
    let id = queue_mail(deployment.app.database(), "ada@example.org").await;

    eventually("the client sends DATA", async || {
        server.commands().iter().any(|(_, line)| line == "DATA")
    })
    .await;
    victim.signal("KILL");
    victim.exit_code();

    let (_worker, _) = deployment.worker();
    assert_eq!(until_state(&deployment.app, id, "done").await.attempts, 2);
    assert_eq!(server.count(id), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_of_a_worker_killed_during_the_hand_over_is_left_to_the_operator() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([Fault::SilentAfterMessage]);

    let deployment = Deployment::new(&server).await;
    let (mut victim, _) = deployment.worker();
    let id = queue_mail(deployment.app.database(), "ada@example.org").await;

    eventually("the message arrives", async || server.count(id) == 1).await;
    victim.signal("KILL");
    victim.exit_code();

    let (mut worker, management) = deployment.worker();
    // Its lease runs out, but no worker takes it; later mail overtakes it.
    let expired = r"
        SELECT 1
        FROM mainstay.jobs
        WHERE id = $1 AND leased_until < now()
    ";
    let mut owner = deployment.app.owner().await;
    eventually("the lease runs out", async || {
        !owner
            .run(expired, [id.into()])
            .await
            .expect("the row is read")
            .is_empty()
    })
    .await;

    let other = queue_mail(deployment.app.database(), "eve@example.com").await;
    until_state(&deployment.app, other, "done").await;
    assert_eq!((server.count(id), server.count(other)), (1, 1));

    let (code, listed) = deployment.command(&["mail", "list"]);
    assert_eq!(code, Some(0), "{listed}");
    assert!(
        listed.contains(&id.to_string()) && listed.contains("handed_over  a***@example.org"),
        "{listed}"
    );
    assert!(
        !listed.contains("ada@") && !listed.contains(&other.to_string()),
        "{listed}"
    );

    let (code, text) = deployment.command(&["mail", "resend", &Uuid::nil().to_string()]);
    assert_eq!(code, Some(1), "{text}");

    let (code, text) = deployment.command(&["mail", "resend", &id.to_string()]);
    assert_eq!(code, Some(0), "{text}");

    until_state(&deployment.app, id, "done").await;
    assert_eq!(server.count(id), 2);
    assert!(
        deployment
            .command(&["mail", "list"])
            .1
            .contains("No undelivered mail.")
    );

    // A worker has a management port and nothing else.
    assert_eq!(send(management, "GET", "/readyz", "", "").await.status, 200);
    assert_eq!(send(management, "GET", "/v1/me", "", "").await.status, 404);

    let metrics = send(management, "GET", "/metrics", "", "").await.body;
    assert!(
        metrics.contains(r#"jobs_done_total{kind="mail"}"#),
        "{metrics}"
    );

    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0), "{}", worker.log());
    assert!(
        !worker.log().contains("ada@") && !worker.log().contains("canary"),
        "{}",
        worker.log()
    );
}

/// A worker that shuts down claims no more jobs, and finishes those that run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_stopped_finishes_its_jobs() {
    let server = SmtpServer::at_pace(Tls::AtOnce, Duration::from_secs(1)).await;
    let deployment = Deployment::new(&server).await;
    let (mut worker, _) = deployment.worker();
    let id = queue_mail(deployment.app.database(), "ada@example.org").await;
    until(&deployment.app, id, |it| it.state == "handed_over").await;
    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0), "{}", worker.log());
    until_state(&deployment.app, id, "done").await;
    assert_eq!(server.count(id), 1);
}

/// Number of jobs that wait or run.
async fn unfinished(app: &TestApp) -> i64 {
    let text = r"
        SELECT count(*)
        FROM mainstay.jobs
        WHERE state IN ('waiting', 'running')
          OR (state = 'handed_over' AND leased_until > now())
    ";
    app.owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are counted")[0]
        .get(0)
        .expect("the count is a number")
}

async fn left_behind(app: &TestApp) -> Vec<Uuid> {
    let text = "SELECT id FROM mainstay.jobs WHERE state <> 'done'";
    let rows = app
        .owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are read");
    rows.iter()
        .map(|row| row.get(0).expect("the id is present"))
        .collect()
}
