//! Serves the service under test.

use std::net::SocketAddr;

use mainstay::{Platform, Service, Settings};
use mainstay_config::Reader;
use mainstay_database::Database;
use mainstay_kernel::Runtime;
use mainstay_mail::Mailbox;
use tokio::{sync::oneshot, task::JoinHandle};

/// A service that runs on the test's runtime until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) management: SocketAddr,
    pub(crate) database: Database,
    pub(crate) mailbox: Option<Mailbox>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// Settings by dotted name.
pub(crate) type Layer = Vec<(&'static str, String)>;

impl Server {
    /// Starts a service on free ports. `before_serving` runs once its pool is full, before it does
    /// anything else.
    pub(crate) async fn start(
        platform: &Platform,
        layers: [Layer; 2],
        runtime: Runtime,
        before_serving: impl FnOnce(),
    ) -> Self {
        let [chosen, usual] = layers;
        let mut reader = Reader::new([])
            .with_layer("test", chosen)
            .with_layer("test application", usual);
        let settings = Settings::read(&mut reader).unwrap_or_else(|error| panic!("{error}"));
        let service = Service::bind(platform, settings, runtime, None)
            .await
            .unwrap_or_else(|error| panic!("{error}"));

        let database = service.database().clone();
        let opened = database.warm().await;
        opened
            .unwrap_or_else(|error| panic!("the pool did not open: {error} ({:?})", error.cause()));
        before_serving();

        let mailbox = service.mailbox().cloned();
        let (address, management) = (service.address(), service.management_address());
        let (stop, stopped) = oneshot::channel();

        // A dropped sender means the same as a message.
        let serving = tokio::spawn(service.run(async { drop(stopped.await) }));

        Self {
            address: address.expect("the port is bound"),
            management: management.expect("the port is bound"),
            database,
            mailbox,
            stop: Some(stop),
            serving,
        }
    }

    /// Stops it and waits until it has drained.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.serving)
            .await
            .expect("the service stops without a panic");
    }
}
