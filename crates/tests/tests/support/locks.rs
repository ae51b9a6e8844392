//! Races that come out the same each time: the test holds a row that two requests need, so that both have verified what they
//! verify before either acts, and they act in the order in which they came.

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

/// How long a request may take to come to the row.
const PATIENCE: Duration = Duration::from_secs(60);

/// Holds an account, also against those who only refer to it.
pub const ACCOUNT: &str = r"
    SELECT FROM users
    WHERE id = $1
    FOR UPDATE
";
/// Holds an account against those who change it or stand on it, and lets others refer to it.
pub const CREDENTIALS: &str = r"
    SELECT FROM users
    WHERE id = $1
    FOR NO KEY UPDATE
";
/// Holds an organization, also against those who only refer to it.
pub const ORGANIZATION: &str = r"
    SELECT FROM organizations
    WHERE id = $1
    FOR UPDATE
";
/// Holds the memberships of an account.
pub const MEMBERSHIPS: &str = r"
    SELECT FROM memberships
    WHERE user_id = $1
    FOR UPDATE
";

/// A row that the test holds.
pub struct Held {
    holder: Owner,
    watcher: Owner,
}

impl Held {
    /// Holds the rows that `statement` locks, for this `id`.
    pub async fn row(app: &TestApp, statement: &'static str, id: Uuid) -> Self {
        let (mut holder, watcher) = (app.owner().await, app.owner().await);
        holder.run("BEGIN", []).await.expect("a transaction begins");
        holder
            .run(statement, [id.into()])
            .await
            .expect("the row is held");
        Self { holder, watcher }
    }

    /// Lets `first` come to the row, then `second`, and releases it. Gives both answers.
    pub async fn in_order<A, B>(
        mut self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        let mut first = pin!(first);

        tokio::select! {
            _ = &mut first => panic!("the first request does not need the row"),
            () = self.until_waiting(1) => {}
        }

        let mut both = pin!(join(first, second));

        tokio::select! {
            _ = &mut both => panic!("the second request does not need the row"),
            () = self.until_waiting(2) => {}
        }
        self.release().await;

        both.await
    }

    /// Lets all come to the row, and releases it. Gives their answers.
    pub async fn all<A>(
        mut self,
        requests: impl IntoIterator<Item = impl Future<Output = A>>,
    ) -> Vec<A> {
        let requests: Vec<_> = requests.into_iter().collect();
        let waiting = i64::try_from(requests.len()).expect("a few");
        let mut all = pin!(join_all(requests));
        tokio::select! {
            _ = &mut all => panic!("the requests do not need the row"),
            () = self.until_waiting(waiting) => {}
        }
        self.release().await;

        all.await
    }

    /// Waits until as many statements of the service wait for a lock.
    async fn until_waiting(&mut self, waiting: i64) {
        const WAITING: &str = r"
            SELECT count(DISTINCT l.pid)
            FROM pg_locks l
            JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE NOT l.granted AND a.datname = current_database()
        ";

        let reached = async {
            loop {
                let rows = self.watcher.run(WAITING, []).await.expect("it is asked");
                if rows[0].get::<i64>(0).expect("a count") >= waiting {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };

        timeout(PATIENCE, reached)
            .await
            .expect("they come to the row");
    }

    async fn release(&mut self) {
        self.holder
            .run("COMMIT", [])
            .await
            .expect("the row is released");
    }
}
