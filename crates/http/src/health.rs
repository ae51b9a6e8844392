use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mainstay_database::{Database, Pulse};

use crate::{NOT_FOUND, Problem, UNAVAILABLE};

/// Whether the service should get requests: it has its schema, reaches its database and can write there, is not on its way
/// out, and does the work that it is there for.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<State>);

#[derive(Debug)]
struct State {
    draining: AtomicBool,
    schema: i32,
    pulses: OnceLock<Vec<Pulse>>,
    keys_missing: AtomicBool,
}

impl Readiness {
    /// Ready once the database stands at migration `schema` or later.
    pub fn new(schema: i32) -> Self {
        Self(Arc::new(State {
            draining: AtomicBool::new(false),
            schema,
            pulses: OnceLock::new(),
            keys_missing: AtomicBool::new(false),
        }))
    }

    /// Ready only while all of these succeed: for a process that is there for nothing else. What it is told first, counts.
    pub fn depends_on(&self, pulses: impl IntoIterator<Item = Pulse>) {
        self.0.pulses.get_or_init(|| pulses.into_iter().collect());
    }

    /// Not ready while `missing`: rows are there whose data keys are not, so that nothing of them can be read.
    pub fn set_keys_missing(&self, missing: bool) {
        self.0.keys_missing.store(missing, Ordering::Release);
    }

    /// From now on the answer is "not ready": the service is about to stop.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// The answer to a probe.
    pub(crate) async fn check(&self, database: &Database) -> Result<String, Problem> {
        let not_ready = |detail: &'static str| {
            UNAVAILABLE
                .problem()
                .detail(detail)
                .retry_after(Duration::from_secs(1))
        };
        if self.0.draining.load(Ordering::Acquire) {
            return Err(not_ready("The service is shutting down."));
        }
        if let Some(pulse) = self
            .0
            .pulses
            .get()
            .into_iter()
            .flatten()
            .find(|pulse| !pulse.is_alive())
        {
            return Err(not_ready("The worker does not get on.")
                .caused_by(format!("no {} for too long", pulse.work())));
        }

        match database.health().await {
            Ok(health) if health.schema < self.0.schema => {
                Err(not_ready("The schema is not migrated yet."))
            }
            Ok(health) if !health.takes_writes => Err(not_ready("The database takes no writes.")),
            Ok(health) if !health.keys_open => {
                Err(not_ready("The key ring does not open what is stored."))
            }
            Ok(_) if self.0.keys_missing.load(Ordering::Acquire) => Err(not_ready(
                "Data keys are missing: the table data_keys was not restored, or not all of it.",
            )),
            // Migrations only go forward and keep the release before them running: a rollback is ready.
            Ok(health) if health.schema > self.0.schema => Ok(format!(
                "ready: schema {} is newer than this build's {}\n",
                health.schema, self.0.schema
            )),
            Ok(_) => Ok("ready\n".to_owned()),
            Err(error) => Err(not_ready("The database is not available.").caused_by(error)),
        }
    }
}

/// Answers the health probes; both servers do.
///
/// `/livez` says that the process runs and looks at nothing else: a database that is gone is no reason to restart it.
pub(crate) async fn probe(
    path: &str,
    readiness: &Readiness,
    database: &Database,
) -> Result<String, Problem> {
    match path {
        "/livez" => Ok("ok\n".to_owned()),
        "/readyz" => readiness.check(database).await,
        _ => Err(NOT_FOUND.problem()),
    }
}
