//! The worker, which runs queued jobs and periodic tasks.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use mainstay_database::{Database, Heard, Listener, Pulse};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Claimed, Handler, Periodic, Settings, attempt::attempt, queue::Queue, upkeep};

/// The channel on which new jobs are announced.
const CHANNEL: &str = "jobs";

/// Runs queued jobs and periodic tasks.
pub struct Worker {
    queue: Queue,
    handlers: Arc<BTreeMap<&'static str, Arc<dyn Handler>>>,
    periodic: Vec<Periodic>,
    settings: Settings,
}

impl Worker {
    /// Creates a worker with these handlers. Jobs of other kinds wait for another worker. If two
    /// handlers have the same kind, the later one is used.
    ///
    /// `database` should have its own connection pool, so that jobs do not delay requests.
    pub fn new(
        database: Database,
        handlers: impl IntoIterator<Item = Arc<dyn Handler>>,
        settings: Settings,
    ) -> Self {
        let queue = Queue::new(database, &settings);
        let handlers = handlers
            .into_iter()
            .map(|handler| (handler.kind(), handler))
            .collect();
        let periodic = vec![upkeep::clearing(queue.clone(), &settings)];

        Self {
            queue,
            handlers: Arc::new(handlers),
            periodic,
            settings,
        }
    }

    /// Adds periodic tasks.
    #[must_use]
    pub fn periodic(mut self, tasks: impl IntoIterator<Item = Periodic>) -> Self {
        self.periodic.extend(tasks);
        self
    }

    /// Registers all counters at 0. A counter that first appears with the value 1 shows no increase
    /// in queries.
    fn register_counters(&self) {
        for kind in self.handlers.keys() {
            for counter in [
                "jobs_done_total",
                "jobs_retried_total",
                "jobs_failed_total",
                "jobs_unclear_total",
            ] {
                metrics::counter!(counter, "kind" => *kind).increment(0);
            }
        }

        for task in &self.periodic {
            metrics::counter!("periodic_tasks_failed_total", "task" => task.name()).increment(0);
        }
    }

    /// When it last claimed jobs, renewed a lease or saved an outcome. A fully occupied worker
    /// claims nothing.
    pub fn pulse(&self) -> Pulse {
        self.queue.pulse().clone()
    }

    /// The largest number of connections to Postgres: those of its pool, and one to listen for new
    /// jobs. Its pool needs none for health probes.
    pub fn most_connections(&self) -> usize {
        const LISTENER: usize = 1;
        self.queue.database().most_connections() - Database::PROBES + LISTENER
    }

    /// Runs until `stop`, then claims no more jobs and waits for those in flight, at most for
    /// `settings.drain`.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        self.register_counters();

        let mut periodic = JoinSet::new();
        for task in std::mem::take(&mut self.periodic) {
            periodic.spawn(task.attend(self.queue.clone()));
        }

        let kinds: Vec<String> = self
            .handlers
            .keys()
            .map(|kind| (*kind).to_owned())
            .collect();

        let mut announcements = Announcements::default();
        let mut running = JoinSet::new();
        let mut stop = pin!(stop);

        loop {
            while running.try_join_next().is_some() {}
            self.start_due_jobs(&kinds, &mut running).await;

            tokio::select! {
                () = &mut stop => break,
                Some(_) = running.join_next() => {}
                () = announcements.next(self.queue.database()) => {}
                () = sleep(self.settings.poll) => {}
            }
        }

        let drained = async { while running.join_next().await.is_some() {} };
        if timeout(self.settings.drain, drained).await.is_err() {
            tracing::warn!(
                "drain timeout reached with jobs in flight; other workers take them over"
            );
        }
    }

    /// Claims due jobs, as many as may run in addition to those in flight, and starts them.
    async fn start_due_jobs(&self, kinds: &[String], running: &mut JoinSet<()>) {
        let free = self.settings.concurrency.saturating_sub(running.len());
        if free == 0 {
            return;
        }

        let jobs = match Claimed::claim(&self.queue, kinds, free).await {
            Ok(jobs) => jobs,
            Err(error) => {
                return tracing::info!(
                    %error,
                    cause = error.cause(),
                    "worker is waiting for the database"
                );
            }
        };

        for job in jobs {
            let (handlers, settings) = (self.handlers.clone(), self.settings.clone());
            running.spawn(async move {
                let handler = handlers.get(job.kind.as_str()).cloned();
                attempt(job, handler.as_deref(), &settings).await;
            });
        }
    }
}

/// Listens for new jobs, on its own connection.
#[derive(Default)]
struct Announcements(Option<Listener>);

impl Announcements {
    /// Waits for the next announcement. If listening is impossible it waits forever, and polling
    /// finds the due jobs.
    async fn next(&mut self, database: &Database) {
        if self.0.is_none() {
            match database.listen(CHANNEL).await {
                // Returns at once, so that the worker finds jobs that were queued before it
                // listened.
                Ok(listener) => return self.0 = Some(listener),
                Err(error) => {
                    tracing::info!(%error, "listening for new jobs failed; polling instead");
                    return std::future::pending().await;
                }
            }
        }

        if let Some(listener) = &mut self.0
            && let Heard::Lost(_) = listener.hear().await
        {
            self.0 = None;
            std::future::pending::<()>().await;
        }
    }
}
