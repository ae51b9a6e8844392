//! A worker whose way to Postgres ends without a word: it says that it does not get on, and goes on by itself when it can.

use mainstay_access::BuiltInRole::Agent;
use mainstay_database::Owner;
use mainstay_testing::TestApp;

use crate::{
    http::send,
    path::Path,
    process::House,
    program::eventually,
    queue::{queue_mail, until_state},
    smtp_server::{SmtpServer, Tls},
};

const UNSEALED: &str = r"
    SELECT count(*)
    FROM mainstay.audit_events e
    WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
";

async fn until_sealed(app: &TestApp) {
    let mut owner = app.owner().await;
    let sealed = async {
        while owner.run(UNSEALED, []).await.expect("they are counted")[0]
            .get::<i64>(0)
            .expect("a number")
            > 0
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, sealed)
        .await
        .expect("every record is sealed");
}

async fn until_status(management: std::net::SocketAddr, status: u16) {
    let reached = async {
        while send(management, "GET", "/readyz", "", "").await.status != status {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::http::PATIENCE, reached)
        .await
        .expect("readiness follows");
}

/// The limits that make it quick.
const SOON: [(&str, &str); 2] = [
    ("MAINSTAY_DATABASE_STATEMENT_TIMEOUT", "1s"),
    ("MAINSTAY_DATABASE_ACQUIRE_TIMEOUT", "2s"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_on_a_dead_path_goes_on_when_it_is_back() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let house = House::new(&server).await.telling(SOON);
    let path = Path::to(&house.app.database_url()).await;
    let url = path.url(&house.app.database_url());
    let house = house.telling([("MAINSTAY_DATABASE_URL", url.as_str())]);
    let (_worker, management) = house.worker();
    let first = queue_mail(house.app.database(), "first@example.org").await;

    until_state(&house.app, first, "done").await;
    until_sealed(&house.app).await;
    until_status(management, 200).await;

    path.go_silent();
    let second = queue_mail(house.app.database(), "second@example.org").await;
    house.app.actor(Agent).await;
    until_status(management, 503).await;

    path.recover();
    until_state(&house.app, second, "done").await;
    until_sealed(&house.app).await;
    until_status(management, 200).await;

    assert_eq!(server.count(second), 1, "it was sent once");
}

/// The database answers, and the worker gets nothing done there: that is not ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_claims_nothing_is_not_ready() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let house = House::new(&server).await.telling(SOON);
    let (_worker, management) = house.worker();

    until_status(management, 200).await;

    let mut owner: Owner = house.app.owner().await;
    owner.run("BEGIN", []).await.expect("a transaction begins");
    owner
        .run("SET LOCAL idle_in_transaction_session_timeout = 0", [])
        .await
        .expect("it may take its time");
    owner
        .run("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE", [])
        .await
        .expect("the queue is locked");

    until_status(management, 503).await;

    owner
        .run("ROLLBACK", [])
        .await
        .expect("the transaction ends");
    until_status(management, 200).await;

    let queued = queue_mail(house.app.database(), "later@example.org").await;
    until_state(&house.app, queued, "done").await;
    eventually("it is sent", || (server.count(queued) == 1).then_some(()));
}
