//! Locks a table, so that every statement on it waits.

#![allow(dead_code, reason = "not every test target uses all of it")]

use std::time::Duration;

use mainstay_database::Owner;
use mainstay_testing::TestApp;

use crate::http::PATIENCE;

/// An owner's transaction that holds a table lock until it is released.
pub struct TableLock(Owner);

impl TableLock {
    /// Takes the lock of `statement`, as in `LOCK TABLE customers IN ACCESS EXCLUSIVE MODE`.
    pub async fn take(app: &TestApp, statement: &'static str) -> Self {
        let mut owner = app.owner().await;
        owner
            .run("BEGIN", [])
            .await
            .expect("the transaction starts");
        owner
            .run("SET LOCAL idle_in_transaction_session_timeout = 0", [])
            .await
            .expect("the timeout is set");
        owner.run(statement, []).await.expect("the table is locked");

        Self(owner)
    }

    /// Locks the customers against every statement.
    pub async fn customers(app: &TestApp) -> Self {
        Self::take(app, "LOCK TABLE customers IN ACCESS EXCLUSIVE MODE").await
    }

    /// Locks the customers as a long-running reader does: others can read and write, but not alter
    /// the table.
    pub async fn customers_shared(app: &TestApp) -> Self {
        Self::take(app, "LOCK TABLE customers IN ACCESS SHARE MODE").await
    }

    /// Number of waiting statements.
    pub async fn waiting(&mut self) -> i64 {
        const WAITING: &str = r"
            SELECT count(*)
            FROM pg_locks
            WHERE NOT granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ";

        let rows = self.0.run(WAITING, []).await.expect("the locks are listed");
        rows[0].get(0).expect("the count is a number")
    }

    /// Waits until this many statements wait.
    pub async fn wait_for(&mut self, count: i64) {
        self.wait_until(|waiting| waiting == count).await;
    }

    /// Waits until the number of waiting statements is as `expected`.
    pub async fn wait_until(&mut self, expected: impl Fn(i64) -> bool) {
        let reached = async {
            while !expected(self.waiting().await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };

        tokio::time::timeout(PATIENCE, reached)
            .await
            .expect("the statements wait for the lock");
    }

    /// Releases the table.
    pub async fn release(mut self) {
        self.0
            .run("ROLLBACK", [])
            .await
            .expect("the transaction ends");
        self.0.close().await;
    }
}
