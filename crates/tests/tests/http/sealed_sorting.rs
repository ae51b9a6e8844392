//! Listings sorted by a sealed column: few at a time, and without delaying other requests.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mainstay::access::BuiltInRole::Manager;
use mainstay_testing::TestApp;

use crate::{create, customer};

/// More than a process sorts and queues, on any machine with fewer than fifty cores.
const MANY: usize = 40;

#[tokio::test]
async fn many_sorted_listings_are_refused_without_delaying_others() {
    let app = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "8")
        .setting("database.statement_timeout", "60s")
        .setting("http.deadline", "60s")
        .start()
        .await;

    let manager = app.actor(Manager).await;
    create(&manager, customer("Ada", "ada@example.org")).await;

    // None of them ends before the lock is released.
    let mut holder = app.owner().await;
    holder.run("BEGIN", []).await.unwrap();
    holder
        .run("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", [])
        .await
        .unwrap();

    let mut asked: FuturesUnordered<_> = (0..MANY)
        .map(|_| manager.get("/v1/customers?sort=name"))
        .collect();
    let refused = tokio::time::timeout(Duration::from_secs(30), asked.next())
        .await
        .expect("some requests are refused");
    let refused = refused.unwrap();

    refused.assert_problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "1");

    // Other requests are answered meanwhile.
    manager.get("/v1/me").await.assert_status(200);
    manager.get("/v1/members").await.assert_status(200);

    holder.run("ROLLBACK", []).await.unwrap();

    let mut statuses = vec![503];
    while let Some(answer) = asked.next().await {
        statuses.push(answer.status.as_u16());
    }

    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        answered >= 1 && statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    manager
        .get("/v1/customers?sort=name")
        .await
        .assert_status(200);
}
