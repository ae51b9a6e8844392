//! A process that runs background work without serving the API.

use std::{io, net::SocketAddr};

use mainstay_http::Management;
use mainstay_kernel::Runtime;
use mainstay_telemetry::Telemetry;

use crate::{
    Platform, ServiceError, Settings, assembly::Assembly, connections, vital_signs::VitalSigns,
    work::Work,
};

/// A worker that is assembled and bound to its management port, but does not run yet.
pub struct Working {
    work: Work,
    management: Management,
    vital_signs: VitalSigns,
}

impl Working {
    /// Assembles a worker and binds its management port. It does not wait for Postgres, and polls
    /// until Postgres is available.
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
    /// The operating system's error.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.management.address()
    }

    /// Runs jobs until `shutdown`, then finishes those in progress.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = self.management.run(self.work.run(shutdown)) => {}
            () = self.vital_signs.watch() => {}
        }
    }
}
