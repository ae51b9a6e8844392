//! A service: the API and its background tasks.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mainstay_config::Environment;
use mainstay_database::Database;
use mainstay_http::{App, Certificate, Server, look};
use mainstay_kernel::Runtime;
use mainstay_mail::Mailbox;
use mainstay_principals::Principals;
use mainstay_telemetry::Telemetry;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    Platform, ServiceError, Settings,
    assembly::Assembly,
    vital_signs::VitalSigns,
    welcome::{Development, Welcome},
    work::Work,
};

/// How long the shutdown waits until the last uses of sessions and keys are written.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// A service that is assembled and bound to its ports, but does not serve yet.
pub struct Service {
    server: Server,
    app: App,
    principals: Arc<Principals>,
    work: Option<Work>,
    mailbox: Option<Mailbox>,
}

impl Service {
    /// Assembles a service and binds its ports. It does not wait for Postgres, and responds 503
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
        let in_process = settings.jobs.in_process;
        let (environment, docs) = (settings.environment, settings.http.docs);

        let Assembly {
            app,
            principals,
            work,
            mailbox,
        } = Assembly::new(platform, settings, runtime)?;

        let api = platform
            .api()?
            .with_pages(mailbox.iter().flat_map(Mailbox::pages))?;
        let development = (environment == Environment::Development).then(|| Development {
            migrations: platform.schema().count(),
            operations: api.operations(),
            mailbox: mailbox.clone(),
        });

        let welcome = Welcome {
            info: platform.info().clone(),
            docs,
            development,
        };

        let api =
            api.with_pages_unless_taken([welcome.page()].into_iter().chain(look::favicon()))?;
        let server = Server::bind(app.clone(), api, telemetry).await?;

        Ok(Self {
            server,
            app,
            principals,
            work: in_process.then_some(work),
            mailbox,
        })
    }

    /// Address and port of the API.
    ///
    /// # Errors
    /// The operating system's error.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.server.address()
    }

    /// Address and port of the health probes and metrics.
    ///
    /// # Errors
    /// The operating system's error.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.server.management_address()
    }

    /// The TLS certificate of the API; `None` if a proxy terminates TLS.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.server.certificate()
    }

    /// The database.
    pub fn database(&self) -> &Database {
        self.app.database()
    }

    /// The mailbox of development; `None` if mail goes to a server.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        self.mailbox.as_ref()
    }

    /// Serves until `shutdown`, then drains open requests.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            server,
            app,
            principals,
            work,
            ..
        } = self;

        let warmed = tokio::spawn({
            let database = app.database().clone();
            async move {
                if let Err(error) = database.warm().await {
                    tracing::info!(%error, cause = error.cause(), "could not open all database connections in advance");
                }
            }
        });

        let measuring = AbortOnDrop(tokio::spawn(
            VitalSigns::new(&app, server.certificate().cloned()).watch(),
        ));
        let watching = AbortOnDrop(tokio::spawn(principals.clone().watch()));

        let (stop, stopped) = oneshot::channel::<()>();
        // Dropping `stop` ends the work.
        let working = work.map(|work| tokio::spawn(work.run(async { drop(stopped.await) })));
        let shutdown = async {
            shutdown.await;
            drop(stop);
        };
        server.run(shutdown).await;

        if let Some(working) = working
            && working.await.is_err()
        {
            tracing::error!("the worker panicked");
        }

        drop((measuring, watching, AbortOnDrop(warmed)));

        if timeout(SETTLE_TIMEOUT, principals.settle()).await.is_err() {
            tracing::warn!("shutdown did not record the last uses of sessions and keys in time");
        }
    }
}

/// A task that is aborted when this is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
