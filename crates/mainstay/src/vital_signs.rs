//! Measurements that each process takes at intervals: clock skew, job queue, unsealed audit
//! records, age of keys, TLS certificate. A process logs when a value crosses its limit, and again
//! when it returns.

use std::time::Duration;

use mainstay_crypto::PasswordHasher;
use mainstay_database::{Database, Error, MissingKeys, SchemaVersion};
use mainstay_http::{App, Certificate, Info, Readiness};
use tokio::time::{MissedTickBehavior, interval};

use crate::renewal::{log_refusal, renew};

/// How often everything is measured.
const EVERY: Duration = Duration::from_secs(15);

/// Maximum difference between the clocks of this process and the database before it is logged. It
/// is well within the leeway of tokens, and far more than NTP leaves.
const MAX_SKEW: time::Duration = time::Duration::SECOND;

/// How long an audit record may remain unsealed before it is logged. The sealer runs twice a
/// second.
const MAX_UNSEALED: Duration = Duration::from_secs(60);

/// The measurements of this process.
pub(crate) struct VitalSigns {
    database: Database,
    readiness: Readiness,
    certificate: Option<Certificate>,
    /// Why the certificate's files were refused, as logged last.
    refusal: Option<String>,
    expired: Limit,
    clock: Limit,
    seal: Limit,
    keys: Limit,
    failing: Limit,
}

impl VitalSigns {
    /// Measures the database of `app`, and renews `certificate`.
    pub(crate) fn new(app: &App, certificate: Option<Certificate>) -> Self {
        let (database, readiness) = (app.database().clone(), app.readiness().clone());
        let [expired, clock, seal, keys, failing] = Default::default();

        Self {
            database,
            readiness,
            certificate,
            refusal: None,
            expired,
            clock,
            seal,
            keys,
            failing,
        }
    }

    /// Measures at once and then every 15 seconds, for the lifetime of the process.
    pub(crate) async fn watch(mut self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            ticks.tick().await;

            self.renew_certificate();
            let outcome = self.measure().await;
            if self.failing.changes(outcome.is_err())
                && let Err(error) = outcome
            {
                tracing::info!(%error, cause = error.cause(), "measurement failed");
            }
        }
    }

    /// Takes all measurements, even if some fail. Returns the first error.
    async fn measure(&mut self) -> Result<(), Error> {
        let outcomes = [
            self.measure_clock().await,
            self.measure_seal().await,
            self.measure_schema().await,
            mainstay_jobs::measure(&self.database).await,
            self.measure_keys().await,
            self.find_missing_keys().await,
        ];

        outcomes.into_iter().collect::<Result<(), _>>()?;

        let now = self.database.runtime().clock.now().unix_timestamp();
        metrics::gauge!("mainstay_measured_timestamp_seconds").set(now as f64);

        Ok(())
    }

    fn renew_certificate(&mut self) {
        let Some(certificate) = self.certificate.clone() else {
            return;
        };

        let now = self.database.runtime().clock.now();
        let refusal = renew(&certificate, now).err();
        if let Some(why) = &refusal
            && self.refusal != refusal
        {
            log_refusal(why);
        }
        self.refusal = refusal;

        let ends = certificate.ends();
        metrics::gauge!("tls_certificate_expiry_timestamp_seconds", "certificate" => "server")
            .set(ends.unix_timestamp() as f64);

        let is_expired = ends <= now;
        if self.expired.changes(is_expired) && is_expired {
            tracing::error!(expired = %ends, "certificate has expired; clients refuse it");
        }
    }

    async fn measure_clock(&mut self) -> Result<(), Error> {
        let skew = self.database.clock_skew().await?;
        let seconds = skew.as_seconds_f64();
        metrics::gauge!("mainstay_clock_skew_seconds").set(seconds);

        let is_apart = skew.abs() > MAX_SKEW;
        if self.clock.changes(is_apart) {
            if is_apart {
                tracing::warn!(
                    seconds,
                    "clock differs from the database's; synchronize both with NTP"
                );
            } else {
                tracing::info!(seconds, "clock agrees with the database's again");
            }
        }

        Ok(())
    }

    async fn measure_seal(&mut self) -> Result<(), Error> {
        let mainstay_audit::Unsealed { records, oldest } =
            mainstay_audit::unsealed(&self.database).await?;
        metrics::gauge!("audit_unsealed_records").set(records as f64);
        metrics::gauge!("audit_oldest_unsealed_seconds").set(oldest.as_secs_f64());

        let is_late = oldest > MAX_UNSEALED;
        if self.seal.changes(is_late) {
            let oldest_seconds = oldest.as_secs();
            if is_late {
                tracing::warn!(
                    records,
                    oldest_seconds,
                    "audit records are not being sealed"
                );
            } else {
                tracing::info!("all audit records are sealed again");
            }
        }

        Ok(())
    }

    async fn measure_schema(&self) -> Result<(), Error> {
        let version = self.database.health().await?.schema;
        for (of, version) in [("platform", version.platform), ("app", version.app)] {
            metrics::gauge!("mainstay_schema_version", "of" => of).set(f64::from(version));
        }
        Ok(())
    }

    async fn measure_keys(&self) -> Result<(), Error> {
        let now = self.database.now().await?;

        let made = [
            ("root", Some(self.database.primary_first_seen().await?)),
            (
                "signing",
                crate::identity::signing_key_made(&self.database).await?,
            ),
            ("audit", mainstay_audit::key_made(&self.database).await?),
        ];

        for (key, made) in made {
            let Some(made) = made else { continue };
            let age = (now.inner() - made.inner()).as_seconds_f64();
            metrics::gauge!("key_age_seconds", "key" => key).set(age);
        }

        Ok(())
    }

    async fn find_missing_keys(&mut self) -> Result<(), Error> {
        let tables = self.database.missing_keys().await?;
        for table in &tables {
            metrics::gauge!("data_keys_missing", "table" => table.table).set(table.missing as f64);
        }

        self.readiness
            .set_keys_missing(tables.iter().any(MissingKeys::is_loss));

        let missing: Vec<_> = tables
            .iter()
            .filter(|table| table.missing > 0)
            .map(|table| table.table)
            .collect();

        if self.keys.changes(!missing.is_empty()) {
            if missing.is_empty() {
                tracing::info!("no data keys are missing any more");
            } else {
                tracing::error!(tables = ?missing, "data keys are missing; was the table data_keys restored?");
            }
        }

        Ok(())
    }
}

/// Records the build as a metric.
pub(crate) fn record_build(info: &Info, schema: SchemaVersion) {
    metrics::gauge!(
        "mainstay_build_info",
        "service" => info.title,
        "version" => info.version,
        "platform" => env!("CARGO_PKG_VERSION"),
        "schema" => schema.to_string(),
    )
    .set(1.0);
}

/// Measurements that are cheap enough for each scrape: the connection pools and the password
/// hasher.
pub(crate) fn at_each_scrape(
    requests: Database,
    work: Database,
    hasher: PasswordHasher,
) -> impl Fn() {
    move || {
        for (pool, database) in [("requests", &requests), ("work", &work)] {
            let status = database.pool();
            metrics::gauge!("db_client_connections", "pool" => pool, "state" => "idle")
                .set(status.idle as f64);
            metrics::gauge!("db_client_connections", "pool" => pool, "state" => "used")
                .set(status.used as f64);
            metrics::gauge!("db_client_connections_max", "pool" => pool).set(status.most as f64);
            metrics::gauge!("db_client_waiting", "pool" => pool).set(status.waiting as f64);
        }

        let hashing = hasher.statistics();
        metrics::gauge!("password_hasher_computations", "state" => "waiting")
            .set(hashing.waiting as f64);
        metrics::gauge!("password_hasher_computations", "state" => "running")
            .set(hashing.running as f64);
    }
}

/// Remembers whether a limit is exceeded, so that only changes are logged.
#[derive(Default)]
struct Limit {
    is_exceeded: bool,
}

impl Limit {
    /// Updates the state. Returns whether it has changed.
    fn changes(&mut self, is_exceeded: bool) -> bool {
        std::mem::replace(&mut self.is_exceeded, is_exceeded) != is_exceeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_reported_once() {
        let mut limit = Limit::default();
        let reported: Vec<_> = [false, true, true, false, false, true]
            .map(|is_exceeded| limit.changes(is_exceeded))
            .into();
        assert_eq!(reported, [false, true, false, true, false, true]);
    }
}
