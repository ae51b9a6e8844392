use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_database::{Database, Error};
use tokio::time::{sleep, timeout};

use crate::queue::{Queue, moment};

/// How often a replica looks whether a task is due, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How long a failed task waits at most before it is tried again.
const AGAIN: Duration = Duration::from_secs(300);

/// Whoever moves the moment forward does the task.
const TAKE: &str = "INSERT INTO periodic_tasks AS t (name, due_at) VALUES ($1, $3) \
     ON CONFLICT (name) DO UPDATE SET due_at = $3 WHERE t.due_at <= $2 RETURNING name";

const HURRY: &str = "UPDATE periodic_tasks SET due_at = $2 WHERE name = $1 AND due_at > $2 RETURNING name";

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
    pub fn new<F>(name: &'static str, every: Duration, run: impl Fn(Database) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self { name, every, run: Arc::new(move |database| Box::pin(run(database))) }
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
                Err(error) => tracing::info!(task = self.name, %error, "upkeep waits for the database"),
            }
            sleep(look).await;
        }
    }

    async fn is_taken(&self, queue: &Queue) -> Result<bool, Error> {
        let now = queue.now();
        let next = now + time::Duration::try_from(self.every).unwrap_or(time::Duration::DAY);
        let taken = queue.run("periodic_tasks.take", TAKE, [self.name.into(), moment(now), moment(next)]).await?;
        Ok(!taken.is_empty())
    }

    async fn once(&self, queue: &Queue) {
        let outcome = timeout(self.every, (self.run)(queue.database().clone())).await;
        let reason = match outcome {
            Ok(Ok(())) => return tracing::debug!(task = self.name, "upkeep is done"),
            Ok(Err(error)) => format!("{error}: {}", error.cause().unwrap_or_default()),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::error!(task = self.name, reason, "upkeep failed");
        metrics::counter!("periodic_tasks_failed_total", "task" => self.name).increment(1);
        let soon = queue.now() + time::Duration::try_from(self.every.min(AGAIN)).unwrap_or(time::Duration::DAY);
        if let Err(error) = queue.run("periodic_tasks.hurry", HURRY, [self.name.into(), moment(soon)]).await {
            tracing::warn!(task = self.name, %error, "upkeep is next tried when it is due again");
        }
    }
}
