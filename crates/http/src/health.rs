use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mainstay_database::Database;

use crate::{NOT_FOUND, Problem, UNAVAILABLE};

/// Whether the service should get requests: it has its schema, reaches its database and is not on its way out.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<State>);

#[derive(Debug)]
struct State {
    draining: AtomicBool,
    schema: i32,
}

impl Readiness {
    /// Ready once the database stands at migration `schema` or later.
    pub fn new(schema: i32) -> Self {
        Self(Arc::new(State { draining: AtomicBool::new(false), schema }))
    }

    /// From now on the answer is "not ready": the service is about to stop.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    pub(crate) async fn check(&self, database: &Database) -> Result<(), Problem> {
        let not_ready = |detail: &'static str| UNAVAILABLE.problem().detail(detail).retry_after(Duration::from_secs(1));
        if self.0.draining.load(Ordering::Acquire) {
            return Err(not_ready("The service is shutting down."));
        }
        match database.health().await {
            Ok(health) if health.schema < self.0.schema => Err(not_ready("The schema is not migrated yet.")),
            Ok(health) if !health.keys_open => Err(not_ready("The key ring does not open what is stored.")),
            Ok(_) => Ok(()),
            Err(error) => Err(not_ready("The database is not available.").caused_by(error)),
        }
    }
}

/// Answers the health probes; both servers do.
///
/// `/livez` says that the process runs and looks at nothing else: a database that is gone is no reason to restart it.
pub(crate) async fn probe(path: &str, readiness: &Readiness, database: &Database) -> Result<&'static str, Problem> {
    match path {
        "/livez" => Ok("ok\n"),
        "/readyz" => readiness.check(database).await.map(|()| "ready\n"),
        _ => Err(NOT_FOUND.problem()),
    }
}
