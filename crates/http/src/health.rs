//! Readiness and health probes.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mainstay_database::{Database, Pulse, SchemaVersion};

use crate::{NOT_FOUND, Problem, UNAVAILABLE};

/// Whether the service should receive requests: its schema is migrated, its database is reachable
/// and writable, it is not shutting down, and its background work makes progress.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<State>);

#[derive(Debug)]
struct State {
    draining: AtomicBool,
    schema: SchemaVersion,
    pulses: OnceLock<Vec<Pulse>>,
    keys_missing: AtomicBool,
}

impl Readiness {
    /// Creates a readiness that requires every migration of `schema`.
    pub fn new(schema: SchemaVersion) -> Self {
        Self(Arc::new(State {
            draining: AtomicBool::new(false),
            schema,
            pulses: OnceLock::new(),
            keys_missing: AtomicBool::new(false),
        }))
    }

    /// Makes readiness depend on background work, for a process that does nothing else. Only the
    /// first call has an effect.
    pub fn depends_on(&self, pulses: impl IntoIterator<Item = Pulse>) {
        self.0.pulses.get_or_init(|| pulses.into_iter().collect());
    }

    /// Sets whether data keys are missing, so that rows cannot be decrypted. The service is not
    /// ready then.
    pub fn set_keys_missing(&self, missing: bool) {
        self.0.keys_missing.store(missing, Ordering::Release);
    }

    /// Marks the service as shutting down, and so as not ready.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Answers a readiness probe.
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
        if let Some(pulse) = self.stalled_work() {
            return Err(not_ready("The worker is stalled.")
                .caused_by(format!("no {} for too long", pulse.work())));
        }

        match database.health().await {
            Ok(health) if health.schema.is_behind(self.0.schema) => {
                Err(not_ready("The database schema has pending migrations."))
            }
            Ok(health) if !health.takes_writes => Err(not_ready("The database is read-only.")),
            Ok(health) if !health.keys_open => {
                Err(not_ready("The key ring cannot decrypt the stored data."))
            }
            Ok(_) if self.0.keys_missing.load(Ordering::Acquire) => Err(not_ready(
                "Data keys are missing: the table data_keys was not restored completely.",
            )),
            // Migrations stay compatible with the previous release, so a rolled-back build is
            // ready.
            Ok(health) if health.schema.is_ahead_of(self.0.schema) => Ok(format!(
                "ready: schema ({}) is newer than this build's ({})\n",
                health.schema, self.0.schema
            )),
            Ok(_) => Ok("ready\n".to_owned()),
            Err(error) => Err(not_ready("The database is not available.").caused_by(error)),
        }
    }

    fn stalled_work(&self) -> Option<&Pulse> {
        let pulses = self.0.pulses.get();
        pulses.into_iter().flatten().find(|pulse| !pulse.is_alive())
    }
}

/// Answers the health probes, on both ports.
///
/// `/livez` only reports that the process runs: an unavailable database is no reason to restart it.
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
