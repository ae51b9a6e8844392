//! Periodic tasks: whenever one is due, one of the replicas runs it.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_database::{Database, Error};
use tokio::time::{sleep, timeout};

use crate::queue::{Queue, seconds};

/// The shortest and longest interval at which a replica checks whether a task is due.
const CHECK_INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The longest delay before a failed task is retried.
const RETRY_DELAY: Duration = Duration::from_secs(300);

/// The replica that moves `due_at` forward runs the task. The clock is the database's, as in the
/// queue.
const TAKE: &str = r"
    INSERT INTO mainstay.periodic_tasks AS t (name, due_at)
    VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
    WHERE t.due_at <= now()
    RETURNING name
";

const SUCCEED: &str = "UPDATE mainstay.periodic_tasks SET succeeded_at = now() WHERE name = $1";

const HURRY: &str = r"
    UPDATE mainstay.periodic_tasks
    SET due_at = now() + make_interval(secs => $2)
    WHERE name = $1 AND due_at > now() + make_interval(secs => $2)
    RETURNING name
";

/// A task that is due periodically. Each time, one of all workers runs it.
///
/// ```
/// use mainstay_jobs::Periodic;
/// use std::time::Duration;
///
/// let task = Periodic::new("sessions.clear", Duration::from_secs(3_600), |database| async move {
///     // Delete what has expired.
///     drop(database);
///     Ok(())
/// });
/// ```
#[derive(Clone)]
pub struct Periodic {
    name: &'static str,
    every: Duration,
    run: Arc<dyn Fn(Database) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>,
}

impl Periodic {
    /// Creates the task `name`, due at every interval `every`. It is cancelled if it runs for
    /// longer than that, so that runs never overlap. If its worker dies, it runs again when it is
    /// next due.
    pub fn new<F>(
        name: &'static str,
        every: Duration,
        run: impl Fn(Database) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self {
            name,
            every,
            run: Arc::new(move |database| Box::pin(run(database))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the task whenever it is due, until the worker drops the future.
    pub(crate) async fn attend(self, queue: Queue) {
        let interval = (self.every / 4).clamp(CHECK_INTERVAL.0, CHECK_INTERVAL.1);

        loop {
            match self.is_taken(&queue).await {
                Ok(true) => self.once(&queue).await,
                Ok(false) => {}
                Err(error) => {
                    tracing::info!(task = self.name, %error, "periodic task is waiting for the database")
                }
            }

            sleep(interval).await;
        }
    }

    async fn is_taken(&self, queue: &Queue) -> Result<bool, Error> {
        let taken = queue
            .run(
                "periodic_tasks.take",
                TAKE,
                [self.name.into(), seconds(self.every)],
            )
            .await?;

        Ok(!taken.is_empty())
    }

    async fn note_success(&self, queue: &Queue) {
        tracing::debug!(task = self.name, "periodic task done");
        if let Err(error) = queue
            .run("periodic_tasks.succeed", SUCCEED, [self.name.into()])
            .await
        {
            tracing::warn!(task = self.name, %error, "saving the success of a periodic task failed");
        }
    }

    async fn once(&self, queue: &Queue) {
        let outcome = timeout(self.every, (self.run)(queue.database().clone())).await;

        let reason = match outcome {
            Ok(Ok(())) => return self.note_success(queue).await,
            Ok(Err(error)) => format!("{error}: {}", error.cause().unwrap_or_default()),
            Err(_) => "timed out".to_owned(),
        };

        tracing::error!(task = self.name, reason, "periodic task failed");
        metrics::counter!("periodic_tasks_failed_total", "task" => self.name).increment(1);

        let delay = seconds(self.every.min(RETRY_DELAY));
        if let Err(error) = queue
            .run("periodic_tasks.hurry", HURRY, [self.name.into(), delay])
            .await
        {
            tracing::warn!(task = self.name, %error, "scheduling an early retry of a periodic task failed");
        }
    }
}
