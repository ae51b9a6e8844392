use std::{io, net::SocketAddr};

use mainstay_http::Management;
use mainstay_jobs::Worker;
use mainstay_kernel::Runtime;
use mainstay_telemetry::Telemetry;

use crate::{Platform, ServiceError, Settings, assembly::Assembly};

/// A worker that is put together and whose management port is bound, but does not work yet.
pub struct Working {
    worker: Worker,
    management: Management,
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
        let Assembly { app, worker, .. } = Assembly::new(platform, settings, runtime)?;
        Ok(Self { worker, management: Management::bind(app, telemetry).await? })
    }

    /// Where health and metrics listen.
    ///
    /// # Errors
    /// What the system says.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.management.address()
    }

    /// Works until `shutdown`, then finishes what is under way.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        self.management.run(self.worker.run(shutdown)).await;
    }
}
