//! A lock that a test holds on the customers, so that every statement on them waits.

use std::time::Duration;

use mainstay_database::Owner;
use mainstay_testing::TestApp;

use crate::http::PATIENCE;

/// A transaction of the schema's owner that holds the lock until it is released.
pub struct Locked(Owner);

impl Locked {
    /// Locks the table.
    pub async fn customers(app: &TestApp) -> Self {
        let mut owner = app.owner().await;
        owner.run("BEGIN", []).await.expect("a transaction begins");
        owner
            .run("SET LOCAL idle_in_transaction_session_timeout = 0", [])
            .await
            .expect("it may take its time");
        owner
            .run("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", [])
            .await
            .expect("the table is locked");
        Self(owner)
    }

    /// Holds it as a reader does whose transaction does not end: others read and write, and nobody alters the table.
    pub async fn customers_shared(app: &TestApp) -> Self {
        let mut owner = app.owner().await;
        owner.run("BEGIN", []).await.expect("a transaction begins");
        owner
            .run("SET LOCAL idle_in_transaction_session_timeout = 0", [])
            .await
            .expect("it may take its time");
        owner
            .run("LOCK TABLE customers IN ACCESS SHARE MODE", [])
            .await
            .expect("the table is held");
        Self(owner)
    }

    /// How many statements wait.
    pub async fn waiting(&mut self) -> i64 {
        let count = r"
            SELECT count(*)
            FROM pg_locks
            WHERE NOT granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ";
        let rows = self.0.run(count, []).await.expect("the locks are listed");
        rows[0].get(0).expect("a count")
    }

    /// Waits until so many statements wait.
    pub async fn wait_for(&mut self, count: i64) {
        let reached = async {
            while self.waiting().await != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .expect("as many statements wait as are expected");
    }

    /// Lets go of the table.
    pub async fn release(mut self) {
        self.0
            .run("ROLLBACK", [])
            .await
            .expect("the transaction ends");
        self.0.close().await;
    }
}
