//! Deterministic races. The test locks a row that two requests need, so that both have done their
//! checks before either writes, and they write in the order in which they arrived.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{future::Future, pin::pin, time::Duration};

use futures_util::future::{join, join_all};
use mainstay::kernel::Uuid;
use mainstay_database::Owner;
use mainstay_testing::TestApp;
use tokio::time::timeout;

/// How long a request may take to reach the row lock.
const PATIENCE: Duration = Duration::from_secs(60);

/// Locks an account, also against rows that refer to it.
pub const ACCOUNT: &str = r"
    SELECT FROM users
    WHERE id = $1
    FOR UPDATE
";
/// Locks an account against changes, but not against rows that refer to it.
pub const CREDENTIALS: &str = r"
    SELECT FROM users
    WHERE id = $1
    FOR NO KEY UPDATE
";
/// Locks an organization, also against rows that refer to it.
pub const ORGANIZATION: &str = r"
    SELECT FROM organizations
    WHERE id = $1
    FOR UPDATE
";
/// Locks the memberships of an account.
pub const MEMBERSHIPS: &str = r"
    SELECT FROM memberships
    WHERE user_id = $1
    FOR UPDATE
";

/// A row that the test has locked.
pub struct Held {
    holder: Owner,
    watcher: Owner,
}

impl Held {
    /// Locks rows with `statement`, for this `id`.
    pub async fn row(app: &TestApp, statement: &'static str, id: Uuid) -> Self {
        let (mut holder, watcher) = (app.owner().await, app.owner().await);
        holder
            .run("BEGIN", [])
            .await
            .expect("the transaction starts");
        holder
            .run(statement, [id.into()])
            .await
            .expect("the row is locked");
        Self { holder, watcher }
    }

    /// Waits until `first`, then `second`, waits for the row, and releases it. Returns both
    /// responses.
    pub async fn in_order<A, B>(
        mut self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        let mut first = pin!(first);

        tokio::select! {
            _ = &mut first => panic!("the first request did not wait for the row"),
            () = self.until_waiting(1) => {}
        }

        let mut both = pin!(join(first, second));

        tokio::select! {
            _ = &mut both => panic!("the second request did not wait for the row"),
            () = self.until_waiting(2) => {}
        }
        self.release().await;

        both.await
    }

    /// Waits until all requests wait for the row, and releases it. Returns their responses.
    pub async fn all<A>(
        mut self,
        requests: impl IntoIterator<Item = impl Future<Output = A>>,
    ) -> Vec<A> {
        let requests: Vec<_> = requests.into_iter().collect();
        let waiting = i64::try_from(requests.len()).expect("the number of requests fits");
        let mut all = pin!(join_all(requests));
        tokio::select! {
            _ = &mut all => panic!("the requests did not wait for the row"),
            () = self.until_waiting(waiting) => {}
        }
        self.release().await;

        all.await
    }

    /// Waits until this many statements of the service wait for a lock.
    async fn until_waiting(&mut self, waiting: i64) {
        const WAITING: &str = r"
            SELECT count(DISTINCT l.pid)
            FROM pg_locks l
            JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE NOT l.granted AND a.datname = current_database()
        ";

        let reached = async {
            loop {
                let rows = self
                    .watcher
                    .run(WAITING, [])
                    .await
                    .expect("the waiting statements are read");
                if rows[0].get::<i64>(0).expect("the count is a number") >= waiting {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };

        timeout(PATIENCE, reached)
            .await
            .expect("the requests reach the row lock");
    }

    async fn release(&mut self) {
        self.holder
            .run("COMMIT", [])
            .await
            .expect("the row is released");
    }
}
