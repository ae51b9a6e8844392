//! The queue of the service under test.

use std::time::Duration;

use crate::TestApp;

impl TestApp {
    /// Lets so much time pass for queued work and for upkeep: retries, leases, what is kept of finished work, and periodic
    /// tasks. Their moments are the database's, whose clock no test moves, so they are moved into the past instead.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn let_the_queue_wait(&self, for_so_long: Duration) {
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
                .run(statement, [for_so_long.as_secs_f64().into()])
                .await
                .expect("the queue's moments are moved");
        }
    }
}
