use std::{io, net::SocketAddr, pin::pin, time::Duration};

use mainstay_audit::Sealer;
use mainstay_http::Management;
use mainstay_jobs::Worker;
use mainstay_kernel::Runtime;
use mainstay_telemetry::Telemetry;
use tokio::{sync::watch, time::timeout};

use crate::{
    Platform, ServiceError, Settings, assembly::Assembly, connections, vital_signs::VitalSigns,
};

/// How long the end waits for the audit log to be sealed once more.
const SEALING: Duration = Duration::from_secs(15);

/// A worker that is put together and whose management port is bound, but does not work yet.
pub struct Working {
    work: Work,
    management: Management,
    vital_signs: VitalSigns,
}

impl Working {
    /// Puts a worker together. It does not wait for Postgres: without it, it looks for work until it is there.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn bind(
        platform: &Platform,
        settings: Settings,
        runtime: Runtime,
        telemetry: Option<Telemetry>,
    ) -> Result<Self, ServiceError> {
        let settings = connections::of_worker(settings);
        let Assembly { app, work, .. } = Assembly::new(platform, settings, runtime)?;
        app.readiness()
            .depends_on([work.worker.pulse(), work.sealer.pulse()]);
        let vital_signs = VitalSigns::new(&app, None);
        Ok(Self {
            work,
            management: Management::bind(app, telemetry).await?,
            vital_signs,
        })
    }

    /// Address and port of the health probes and metrics.
    ///
    /// # Errors
    /// What the system says.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.management.address()
    }

    /// Works until `shutdown`, then finishes what is under way.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = self.management.run(self.work.run(shutdown)) => {}
            () = self.vital_signs.watch() => {}
        }
    }
}

/// What is done beside serving: queued work, upkeep, and the seal over the audit log.
pub(crate) struct Work {
    pub(crate) worker: Worker,
    pub(crate) sealer: Sealer,
}

impl Work {
    /// Works until `stop`, then finishes what is under way. What the last jobs have recorded is sealed too.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let (working, mut worked) = watch::channel(());
        let work = async {
            self.worker.run(stop).await;
            drop(working);
        };
        let mut sealing = pin!(
            self.sealer
                .run(async move { while worked.changed().await.is_ok() {} })
        );

        tokio::select! {
            () = work => {}
            () = &mut sealing => return,
        }

        if timeout(SEALING, sealing).await.is_err() {
            tracing::warn!(
                "the database did not take the last seal of the audit log in time; the next sealer goes on"
            );
        }
    }
}
