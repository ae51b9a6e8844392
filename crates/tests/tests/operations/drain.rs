//! Shutdown: the service first reports that it is not ready, then stops accepting connections, and
//! answers running requests.

use std::{net::SocketAddr, time::Duration};

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    http::{PATIENCE, Reply, read_to_end},
    table_locks::TableLock,
};

#[tokio::test]
async fn a_running_request_is_answered_before_the_shutdown() {
    // Long enough to be observed.
    let builder = TestApp::builder(fixture::platform()).setting("http.readiness_grace", "5s");
    let builder = builder
        .setting("database.statement_timeout", "2m")
        .setting("http.deadline", "2m");
    let app = builder
        .setting("http.drain", "2m")
        .setting("http.header_timeout", "2m")
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let replica = app.second_replica().await;
    let address = replica.address();

    replica.anonymous().get("/readyz").await.assert_status(200);

    let mut locked = TableLock::customers(&app).await;
    let mut slow = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");
    let head = format!(
        "GET /v1/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
        agent.token()
    );

    slow.write_all(head.as_bytes())
        .await
        .expect("the request is sent");
    locked.wait_for(1).await;

    // A silent connection must not delay the shutdown.
    let idle = TcpStream::connect(address)
        .await
        .expect("the server accepts the connection");

    let asked = replica.anonymous();
    let stopping = tokio::spawn(replica.stop());
    let drained = async {
        while asked.get("/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    tokio::time::timeout(PATIENCE, drained)
        .await
        .expect("readiness fails");

    asked.get("/livez").await.assert_status(200);

    tokio::time::timeout(PATIENCE, refuses_connections(address))
        .await
        .expect("new connections are refused");

    assert!(
        !stopping.is_finished(),
        "it did not wait for the running request"
    );
    assert_eq!(locked.waiting().await, 1, "the running request was cut off");

    locked.release().await;
    let reply = Reply::of(&read_to_end(&mut slow).await);
    assert_eq!(reply.status, 200, "{reply:?}");

    tokio::time::timeout(PATIENCE, stopping)
        .await
        .expect("the service stops in time")
        .expect("the service stops without a panic");
    drop(idle);

    // The other replica still serves.
    agent.get("/v1/customers").await.assert_status(200);
}

async fn refuses_connections(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
