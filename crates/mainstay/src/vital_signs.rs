//! What each process measures at intervals, whether it serves or works, leads or waits: how far its clock is from the
//! database's, what the queue and the audit log look like, how old its keys are. What leaves its bound is a line in the log,
//! and once more when it is back.

use std::time::Duration;

use mainstay_crypto::PasswordHasher;
use mainstay_database::{Database, Error, MissingKeys, SchemaVersion};
use mainstay_http::{App, Certificate, Info, Readiness};
use tokio::time::{MissedTickBehavior, interval};

use crate::renewal::{renew, tell_refusal};

/// How often everything is measured.
const EVERY: Duration = Duration::from_secs(15);

/// How far the clocks of this process and of the database may be apart before it is told: a good part of what tokens
/// forgive, and far more than NTP leaves.
const SKEW: time::Duration = time::Duration::SECOND;

/// How long a record may wait for its seal before it is told. The sealer comes by twice a second.
const UNSEALED: Duration = Duration::from_secs(60);

/// What this process measures.
pub(crate) struct VitalSigns {
    database: Database,
    readiness: Readiness,
    certificate: Option<Certificate>,
    /// Why the certificate's files are not taken, as it was told last.
    refusal: Option<String>,
    expired: Bound,
    clock: Bound,
    seal: Bound,
    keys: Bound,
    failing: Bound,
}

impl VitalSigns {
    /// Measures what `app` stands on, and looks after the certificate that the process shows.
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

    /// Measures for as long as the process lives, at once and then again and again.
    pub(crate) async fn watch(mut self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            ticks.tick().await;
            self.look_after_certificate();
            let outcome = self.measure().await;
            if self.failing.turns(outcome.is_err())
                && let Err(error) = outcome
            {
                tracing::info!(%error, cause = error.cause(), "not everything can be measured");
            }
        }
    }

    /// Measures everything, whatever fails; the first error is the answer.
    async fn measure(&mut self) -> Result<(), Error> {
        let outcomes = [
            self.measure_clock().await,
            self.measure_seal().await,
            self.measure_schema().await,
            mainstay_jobs::measure(&self.database).await,
            self.measure_keys().await,
            self.look_for_missing_keys().await,
        ];

        outcomes.into_iter().collect::<Result<(), _>>()?;

        let now = self.database.runtime().clock.now().unix_timestamp();
        metrics::gauge!("mainstay_measured_timestamp_seconds").set(now as f64);

        Ok(())
    }

    fn look_after_certificate(&mut self) {
        let Some(certificate) = self.certificate.clone() else {
            return;
        };

        let now = self.database.runtime().clock.now();

        let refusal = renew(&certificate, now).err();
        if let Some(why) = &refusal
            && self.refusal != refusal
        {
            tell_refusal(why);
        }

        self.refusal = refusal;

        let ends = certificate.ends();
        metrics::gauge!("tls_certificate_expiry_timestamp_seconds", "certificate" => "server")
            .set(ends.unix_timestamp() as f64);

        let is_expired = ends <= now;
        if self.expired.turns(is_expired) && is_expired {
            tracing::error!(expired = %ends, "the certificate has expired: clients refuse it");
        }
    }

    async fn measure_clock(&mut self) -> Result<(), Error> {
        let skew = self.database.clock_skew().await?;
        let seconds = skew.as_seconds_f64();
        metrics::gauge!("mainstay_clock_skew_seconds").set(seconds);

        let is_apart = skew.abs() > SKEW;
        if self.clock.turns(is_apart) {
            if is_apart {
                tracing::warn!(
                    seconds,
                    "this process's clock is not the database's: keep both by NTP"
                );
            } else {
                tracing::info!(seconds, "this process's clock is the database's again");
            }
        }

        Ok(())
    }

    async fn measure_seal(&mut self) -> Result<(), Error> {
        let mainstay_audit::Unsealed { records, oldest } =
            mainstay_audit::unsealed(&self.database).await?;
        metrics::gauge!("audit_unsealed_records").set(records as f64);
        metrics::gauge!("audit_oldest_unsealed_seconds").set(oldest.as_secs_f64());

        let is_late = oldest > UNSEALED;
        if self.seal.turns(is_late) {
            let oldest_seconds = oldest.as_secs();
            if is_late {
                tracing::warn!(
                    records,
                    oldest_seconds,
                    "records of the audit log are not sealed"
                );
            } else {
                tracing::info!("the audit log is sealed again");
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

    async fn look_for_missing_keys(&mut self) -> Result<(), Error> {
        let looked = self.database.missing_keys().await?;
        for found in &looked {
            metrics::gauge!("data_keys_missing", "table" => found.table).set(found.missing as f64);
        }

        self.readiness
            .set_keys_missing(looked.iter().any(MissingKeys::is_loss));

        let missing: Vec<_> = looked
            .iter()
            .filter(|found| found.missing > 0)
            .map(|found| found.table)
            .collect();

        if self.keys.turns(!missing.is_empty()) {
            if missing.is_empty() {
                tracing::info!("every row that was looked at has its data key again");
            } else {
                tracing::error!(tables = ?missing, "data keys are missing: was the table data_keys restored?");
            }
        }

        Ok(())
    }
}

/// Tells the metrics what runs here.
pub(crate) fn tell_build(info: &Info, schema: SchemaVersion) {
    metrics::gauge!(
        "mainstay_build_info",
        "service" => info.title,
        "version" => info.version,
        "platform" => env!("CARGO_PKG_VERSION"),
        "schema" => schema.to_string(),
    )
    .set(1.0);
}

/// What is cheap to measure, and wanted as of the moment of a scrape: the pools and the hasher.
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

/// Whether something is beyond its bound, so that only the crossing is told.
#[derive(Default)]
struct Bound {
    is_left: bool,
}

impl Bound {
    /// Notes where it stands; whether that is a change.
    fn turns(&mut self, is_left: bool) -> bool {
        std::mem::replace(&mut self.is_left, is_left) != is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_told_once() {
        let mut bound = Bound::default();
        let told: Vec<_> = [false, true, true, false, false, true]
            .map(|is_left| bound.turns(is_left))
            .into();
        assert_eq!(told, [false, true, false, true, false, true]);
    }
}
