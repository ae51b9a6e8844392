//! A worker whose path to Postgres goes silent: it reports that it is not ready, and recovers by
//! itself.

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;

use crate::{
    http::send,
    path::Path,
    process::Deployment,
    program::eventually,
    queue::{queue_mail, until_state},
    smtp_server::{SmtpServer, Tls},
    table_locks::TableLock,
};

const UNSEALED: &str = r"
    SELECT count(*)
    FROM mainstay.audit_events e
    WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
";

async fn until_sealed(app: &TestApp) {
    let mut owner = app.owner().await;
    let sealed = async {
        while owner.run(UNSEALED, []).await.expect("the rows are counted")[0]
            .get::<i64>(0)
            .expect("the column is a number")
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
        .expect("readiness changes");
}

/// Timeouts that make the test fast.
const SOON: [(&str, &str); 2] = [
    ("MAINSTAY_DATABASE_STATEMENT_TIMEOUT", "1s"),
    ("MAINSTAY_DATABASE_ACQUIRE_TIMEOUT", "2s"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_on_a_dead_path_recovers() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let deployment = Deployment::new(&server).await.with_environment(SOON);
    let path = Path::to(&deployment.app.database_url()).await;
    let url = path.url(&deployment.app.database_url());
    let deployment = deployment.with_environment([("MAINSTAY_DATABASE_URL", url.as_str())]);
    let (_worker, management) = deployment.worker();
    let first = queue_mail(deployment.app.database(), "first@example.org").await;

    until_state(&deployment.app, first, "done").await;
    until_sealed(&deployment.app).await;
    until_status(management, 200).await;

    path.go_silent();
    let second = queue_mail(deployment.app.database(), "second@example.org").await;
    deployment.app.actor(Agent).await;
    until_status(management, 503).await;

    path.recover();
    until_state(&deployment.app, second, "done").await;
    until_sealed(&deployment.app).await;
    until_status(management, 200).await;

    assert_eq!(server.count(second), 1, "the e-mail was sent once");
}

/// The database answers, but the worker cannot claim jobs: it is not ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_claim_jobs_is_not_ready() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let deployment = Deployment::new(&server).await.with_environment(SOON);
    let (_worker, management) = deployment.worker();

    until_status(management, 200).await;

    let lock = TableLock::take(
        &deployment.app,
        "LOCK TABLE mainstay.jobs IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    until_status(management, 503).await;

    lock.release().await;
    until_status(management, 200).await;

    let queued = queue_mail(deployment.app.database(), "later@example.org").await;
    until_state(&deployment.app, queued, "done").await;
    eventually("the e-mail is sent", || {
        (server.count(queued) == 1).then_some(())
    });
}
