//! A shutdown: first the service says that it is not ready, then it accepts nothing more, and what is under way is
//! answered.

use std::{net::SocketAddr, time::Duration};

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    http::{PATIENCE, Reply, read_to_end},
    locks::Locked,
};

#[tokio::test]
async fn a_request_that_is_under_way_is_answered() {
    // Long enough to be seen from outside.
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

    let mut locked = Locked::customers(&app).await;
    let mut slow = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    let head = format!(
        "GET /v1/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
        agent.token()
    );

    slow.write_all(head.as_bytes())
        .await
        .expect("the server reads");
    locked.wait_for(1).await;

    // Connected, and silent: it must not hold the shutdown up.
    let idle = TcpStream::connect(address)
        .await
        .expect("the server accepts");

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
        .expect("nothing more is accepted");

    assert!(
        !stopping.is_finished(),
        "it did not wait for what is under way"
    );
    assert_eq!(
        locked.waiting().await,
        1,
        "what was under way has been cut off"
    );

    locked.release().await;
    let reply = Reply::of(&read_to_end(&mut slow).await);
    assert_eq!(reply.status, 200, "{reply:?}");

    tokio::time::timeout(PATIENCE, stopping)
        .await
        .expect("it stops")
        .expect("it stops in order");
    drop(idle);

    // The other replica has not noticed anything.
    agent.get("/v1/customers").await.assert_status(200);
}

async fn refuses_connections(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
