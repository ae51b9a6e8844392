use std::{collections::BTreeMap, pin::pin, sync::Arc};

use mainstay_database::{Database, Heard, Listener, Pulse};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Handler, Periodic, Settings, pursuit::pursue, queue::Queue, upkeep};

/// Where the queue announces new work.
const CHANNEL: &str = "jobs";

/// Does queued work and periodic upkeep until it is told to stop.
pub struct Worker {
    queue: Queue,
    handlers: Arc<BTreeMap<&'static str, Arc<dyn Handler>>>,
    periodic: Vec<Periodic>,
    settings: Settings,
}

impl Worker {
    /// A worker that does the work of `handlers`; work of other kinds waits for another one. Of two handlers of one
    /// kind the later counts.
    ///
    /// `database` should have connections of its own, so that work does not keep requests waiting.
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

    /// Adds upkeep.
    #[must_use]
    pub fn periodic(mut self, tasks: impl IntoIterator<Item = Periodic>) -> Self {
        self.periodic.extend(tasks);
        self
    }

    /// Makes every counter exist before its first event: what appears at 1 has not grown, for whoever asks.
    fn count_nothing_yet(&self) {
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

    /// When it last claimed work, renewed a lease or wrote an outcome down: while every place is taken, nothing is claimed.
    pub fn pulse(&self) -> Pulse {
        self.queue.pulse().clone()
    }

    /// Connections to Postgres at most: those on which it works, and the one on which it hears of new work. Nobody asks its
    /// database for health.
    pub fn most_connections(&self) -> usize {
        const LISTENER: usize = 1;
        self.queue.database().most_connections() - Database::PROBES + LISTENER
    }

    /// Works until `stop`, then takes nothing more and waits for what is under way, at most as long as the settings say.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.count_nothing_yet();
        let mut beside = JoinSet::new();
        for task in self.periodic {
            beside.spawn(task.attend(self.queue.clone()));
        }

        let kinds: Vec<String> = self
            .handlers
            .keys()
            .map(|kind| (*kind).to_owned())
            .collect();

        let mut announcements = Announcements::default();
        let mut under_way = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            while under_way.try_join_next().is_some() {}
            let free = self.settings.concurrency.saturating_sub(under_way.len());
            if free > 0 {
                match self.queue.claim(&kinds, free).await {
                    Ok(claimed) => {
                        for job in claimed {
                            let (handlers, settings) =
                                (self.handlers.clone(), self.settings.clone());
                            under_way.spawn(async move {
                                let handler = handlers.get(job.kind.as_str()).cloned();
                                pursue(job, handler.as_deref(), &settings).await;
                            });
                        }
                    }
                    Err(error) => {
                        tracing::info!(%error, cause = error.cause(), "the worker waits for the database")
                    }
                }
            }

            tokio::select! {
                () = &mut stop => break,
                Some(_) = under_way.join_next() => {}
                () = announcements.next(self.queue.database()) => {}
                () = sleep(self.settings.poll) => {}
            }
        }

        let drained = async { while under_way.join_next().await.is_some() {} };
        if timeout(self.settings.drain, drained).await.is_err() {
            tracing::warn!("jobs under way were cut off; their leases run out");
        }
    }
}

/// Hears of new work, on a connection of its own.
#[derive(Default)]
struct Announcements(Option<Listener>);

impl Announcements {
    /// Waits for the next announcement. Where nothing can be heard it waits for ever: the poll finds what is due.
    async fn next(&mut self, database: &Database) {
        if self.0.is_none() {
            match database.listen(CHANNEL).await {
                // What was queued before the first word is found by looking once more.
                Ok(listener) => return self.0 = Some(listener),
                Err(error) => {
                    tracing::info!(%error, "new work is not announced; the worker looks for it");
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
