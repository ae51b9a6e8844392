use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_database::{Database, Error};
use tokio::time::{sleep, timeout};

use crate::queue::{Queue, seconds};

/// How often a replica looks whether a task is due, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How long a failed task waits at most before it is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// Whoever moves the moment forward does the task. The clock is the database's, as in the queue.
const TAKE: &str = r"
    INSERT INTO periodic_tasks AS t (name, due_at)
    VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
    WHERE t.due_at <= now()
    RETURNING name
";

const SUCCEED: &str = "UPDATE periodic_tasks SET succeeded_at = now() WHERE name = $1";

const HURRY: &str = r"
    UPDATE periodic_tasks
    SET due_at = now() + make_interval(secs => $2)
    WHERE name = $1 AND due_at > now() + make_interval(secs => $2)
    RETURNING name
";

/// Upkeep that is due again and again. Of all workers, one does it each time.
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
    /// The task `name`, done every so often. It may take as long as that and no longer, so that it never overtakes
    /// itself. A task that a worker died of is next done when it is due again.
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

    /// Does it whenever it is due, for as long as the worker works.
    pub(crate) async fn attend(self, queue: Queue) {
        let look = (self.every / 4).clamp(LOOK.0, LOOK.1);
        loop {
            match self.is_taken(&queue).await {
                Ok(true) => self.once(&queue).await,
                Ok(false) => {}
                Err(error) => {
                    tracing::info!(task = self.name, %error, "upkeep waits for the database")
                }
            }
            sleep(look).await;
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
        tracing::debug!(task = self.name, "upkeep is done");
        if let Err(error) = queue
            .run("periodic_tasks.succeed", SUCCEED, [self.name.into()])
            .await
        {
            tracing::warn!(task = self.name, %error, "upkeep is done, and that is not noted");
        }
    }

    async fn once(&self, queue: &Queue) {
        let outcome = timeout(self.every, (self.run)(queue.database().clone())).await;
        let reason = match outcome {
            Ok(Ok(())) => return self.note_success(queue).await,
            Ok(Err(error)) => format!("{error}: {}", error.cause().unwrap_or_default()),
            Err(_) => "it took too long".to_owned(),
        };

        tracing::error!(task = self.name, reason, "upkeep failed");
        metrics::counter!("periodic_tasks_failed_total", "task" => self.name).increment(1);

        let soon = seconds(self.every.min(AGAIN));
        if let Err(error) = queue
            .run("periodic_tasks.hurry", HURRY, [self.name.into(), soon])
            .await
        {
            tracing::warn!(task = self.name, %error, "upkeep is next tried when it is due again");
        }
    }
}
