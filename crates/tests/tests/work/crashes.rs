//! Workers that die at any moment: no mail is sent twice, and none is forgotten.

use std::{collections::BTreeMap, time::Duration};

use mainstay::kernel::Uuid;
use mainstay_testing::TestApp;
use tokio::time::{sleep, timeout};

use crate::{
    http::{PATIENCE, send},
    process::House,
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
        .unwrap_or_else(|_| panic!("it took too long: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_again_and_again_sends_nothing_twice() {
    let server = SmtpServer::at_pace(Tls::AtOnce, Duration::from_millis(20)).await;
    let house = House::new(&server).await;
    let mut queued = Vec::new();
    for number in 0..MAILS {
        queued.push(
            queue_mail(
                house.app.database(),
                &format!("person-{number}@example.org"),
            )
            .await,
        );
    }

    let (mut steady, _) = house.worker();

    for kill in 1..=KILLS {
        let (mut victim, _) = house.worker();
        // Each dies in the middle of its work, with several mails on their way.
        let so_far = server.received().len();
        eventually("mail flows", async || {
            server.received().len() >= (so_far + 8).min(MAILS - KILLS + kill)
        })
        .await;
        victim.signal("KILL");
        assert_eq!(victim.exit_code(), None, "it was killed");
    }

    eventually("every mail has been seen to", async || {
        undecided(&house.app).await == 0
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

    let left = left_behind(&house.app).await;
    let listed = house.command(&["mail", "list"]).1;

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

    // What is left behind is what was on its way when a worker died: at most what one does at once.
    assert!(left.len() <= KILLS * 4, "{} are left behind", left.len());
}

/// RFC 5321 §4.1.1.4: without the final dot nothing has been delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_dies_of_before_the_message_leaves_is_sent_by_the_next() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([Fault::SilentAtData]);

    let house = House::new(&server).await;
    let (mut victim, _) = house.worker();
    let id = queue_mail(house.app.database(), "ada@example.org").await;

    eventually("DATA is asked for", async || {
        server.commands().iter().any(|(_, line)| line == "DATA")
    })
    .await;
    victim.signal("KILL");
    victim.exit_code();

    let (_worker, _) = house.worker();
    assert_eq!(until_state(&house.app, id, "done").await.attempts, 2);
    assert_eq!(server.count(id), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_dies_of_while_the_message_leaves_is_the_operators_to_decide() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([Fault::SilentAfterMessage]);

    let house = House::new(&server).await;
    let (mut victim, _) = house.worker();
    let id = queue_mail(house.app.database(), "ada@example.org").await;

    eventually("the message arrives", async || server.count(id) == 1).await;
    victim.signal("KILL");
    victim.exit_code();

    let (mut worker, management) = house.worker();
    // Its lease runs out, and still it is nobody's; what is queued after it passes it by.
    let expired = r"
        SELECT 1
        FROM mainstay.jobs
        WHERE id = $1 AND leased_until < now()
    ";
    let mut owner = house.app.owner().await;
    eventually("the lease runs out", async || {
        !owner
            .run(expired, [id.into()])
            .await
            .expect("it is read")
            .is_empty()
    })
    .await;

    let other = queue_mail(house.app.database(), "eve@example.com").await;
    until_state(&house.app, other, "done").await;
    assert_eq!((server.count(id), server.count(other)), (1, 1));

    let (code, listed) = house.command(&["mail", "list"]);
    assert_eq!(code, Some(0), "{listed}");
    assert!(
        listed.contains(&id.to_string()) && listed.contains("handed_over  a***@example.org"),
        "{listed}"
    );
    assert!(
        !listed.contains("ada@") && !listed.contains(&other.to_string()),
        "{listed}"
    );

    let (code, text) = house.command(&["mail", "resend", &Uuid::nil().to_string()]);
    assert_eq!(code, Some(1), "{text}");

    let (code, text) = house.command(&["mail", "resend", &id.to_string()]);
    assert_eq!(code, Some(0), "{text}");

    until_state(&house.app, id, "done").await;
    assert_eq!(server.count(id), 2);
    assert!(
        house
            .command(&["mail", "list"])
            .1
            .contains("No undelivered mail.")
    );

    // It has a management port and nothing else.
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

/// A shutdown takes nothing more, and finishes what is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_asked_to_stop_finishes() {
    let server = SmtpServer::at_pace(Tls::AtOnce, Duration::from_secs(1)).await;
    let house = House::new(&server).await;
    let (mut worker, _) = house.worker();
    let id = queue_mail(house.app.database(), "ada@example.org").await;
    until(&house.app, id, |it| it.state == "handed_over").await;
    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0), "{}", worker.log());
    until_state(&house.app, id, "done").await;
    assert_eq!(server.count(id), 1);
}

/// How many jobs are waiting or under way.
async fn undecided(app: &TestApp) -> i64 {
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
        .expect("they are counted")[0]
        .get(0)
        .expect("a count")
}

async fn left_behind(app: &TestApp) -> Vec<Uuid> {
    let text = "SELECT id FROM mainstay.jobs WHERE state <> 'done'";
    let rows = app
        .owner()
        .await
        .run(text, [])
        .await
        .expect("they are read");
    rows.iter().map(|row| row.get(0).expect("an id")).collect()
}
