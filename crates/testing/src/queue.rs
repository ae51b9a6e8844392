//! The queue of the service under test.

use std::time::Duration;

use crate::TestApp;

impl TestApp {
    /// Advances the queue by `duration`: retries, leases, retention of finished jobs, and periodic
    /// tasks. Their times come from the database, whose clock no test can move, so they are moved
    /// into the past instead.
    ///
    /// # Panics
    /// When the database refuses the statement.
    pub async fn advance_queue(&self, duration: Duration) {
        const WORK: &str = r"
            UPDATE mainstay.jobs
            SET run_at = run_at - make_interval(secs => $1),
                leased_until = leased_until - make_interval(secs => $1),
                finished_at = finished_at - make_interval(secs => $1)
        ";

        const UPKEEP: &str = r"
            UPDATE mainstay.periodic_tasks
            SET due_at = due_at - make_interval(secs => $1)
        ";

        let mut owner = self.owner().await;
        for statement in [WORK, UPKEEP] {
            owner
                .run(statement, [duration.as_secs_f64().into()])
                .await
                .expect("the queue's times are moved");
        }
    }
}
