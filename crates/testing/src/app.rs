//! The service under test.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use mainstay::Platform;
use mainstay_crypto::PasswordHasher;
use mainstay_database::{Database, DatabaseUrl, Owner};
use mainstay_devdb::Role;
use mainstay_kernel::{Clock, OrganizationId, Runtime, SecretString, Uuid};
use tokio::sync::{Mutex, OnceCell};

use crate::{
    Client, Contents, Replica, RoundTrips,
    postgres::Postgres,
    server::{Layer, Server},
};

/// A running service on its own database. It stops when this value is dropped.
pub struct TestApp {
    pub(crate) platform: Platform,
    pub(crate) runtime: Runtime,
    pub(crate) layers: [Layer; 2],
    pub(crate) server: Server,
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) database_name: String,
    pub(crate) round_trips: Option<RoundTrips>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) password_hash: OnceCell<SecretString>,
    pub(crate) client: Client,
    pub(crate) people: AtomicUsize,
    pub(crate) organization: OnceCell<OrganizationId>,
    pub(crate) other_organization: OnceCell<OrganizationId>,
    pub(crate) reader: OnceCell<Mutex<Owner>>,
    /// Ids of the e-mails that `mail_to` has returned.
    pub(crate) seen: std::sync::Mutex<HashSet<Uuid>>,
}

impl TestApp {
    /// Returns a client without a token.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// Address of the API, for tests that write to the socket themselves.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Returns a client of the management port (health and metrics).
    pub fn management(&self) -> Client {
        Client::new(format!("http://{}", self.server.management))
    }

    /// Address of the management port, for tests that write to the socket themselves.
    pub fn management_address(&self) -> SocketAddr {
        self.server.management
    }

    /// The platform that is served.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The clock and random source of the service.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The service's own pool, key ring and clock.
    pub fn database(&self) -> &Database {
        &self.server.database
    }

    /// Connection URL of the serving role, straight to Postgres: it bypasses the round trip
    /// counter.
    pub fn database_url(&self) -> SecretString {
        let connection = self.postgres.connection();
        self.url(&connection.server)
    }

    /// Connection URL of the schema's owner.
    pub fn owner_url(&self) -> SecretString {
        let connection = self.postgres.connection();
        self.url(&connection.owner)
    }

    /// Opens a connection as the schema's owner, to inspect the database. Its search path includes
    /// the platform's schema, unlike that of the serving role.
    pub async fn owner(&self) -> Owner {
        let mut owner = connect(&self.owner_url()).await;
        owner
            .run("SET search_path = public, mainstay", [])
            .await
            .expect("the search path is set");

        owner
    }

    /// Opens a connection as the serving role, to check what it may do.
    pub async fn serving_role(&self) -> Owner {
        connect(&self.database_url()).await
    }

    /// Returns a digest of every table, to assert that nothing was written.
    pub async fn contents(&self) -> Contents {
        let connected = self.reader.get_or_init(|| async {
            let mut owner = self.owner().await;
            Contents::prepare(&mut owner).await;
            Mutex::new(owner)
        });
        Contents::of(&mut *connected.await.lock().await).await
    }

    /// Starts a second replica on the same database, with the same keys and clock. It runs no jobs:
    /// the first replica does.
    pub async fn second_replica(&self) -> Replica {
        self.second_replica_with([]).await
    }

    /// Starts a second replica with some other settings, such as a key ring at another stage of a
    /// rotation.
    pub async fn second_replica_with(
        &self,
        settings: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Replica {
        self.replica(settings, self.runtime.clone()).await
    }

    /// Starts a second replica with another clock.
    pub async fn second_replica_with_clock(&self, clock: Clock) -> Replica {
        self.replica(
            [],
            Runtime {
                clock,
                ..self.runtime.clone()
            },
        )
        .await
    }

    async fn replica(
        &self,
        settings: impl IntoIterator<Item = (&'static str, String)>,
        runtime: Runtime,
    ) -> Replica {
        let mut layers = self.layers.clone();
        for (name, value) in settings {
            layers[0].retain(|(other, _)| *other != name);
            layers[0].push((name, value));
        }
        // Mail is kept in the memory of the process that runs the jobs.
        layers[0].push(("jobs.in_process", "false".to_owned()));
        Replica::new(Server::start(&self.platform, layers, runtime, || {}).await)
    }

    /// Number of round trips that the pool has made so far: see [`RoundTrips`].
    ///
    /// # Panics
    /// Unless the app was built with [`counting_round_trips`](Builder::counting_round_trips).
    pub fn round_trips(&self) -> usize {
        self.round_trips
            .as_ref()
            .expect("build the app with `counting_round_trips()`")
            .count()
    }

    /// Stops Postgres and drops its connections.
    ///
    /// # Panics
    /// Unless the app was built with [`own_cluster`](Builder::own_cluster).
    pub async fn stop_postgres(&self) {
        self.with_postgres(Postgres::stop).await;
    }

    /// Starts Postgres again, on the same port and with its committed data.
    ///
    /// # Panics
    /// Unless the app was built with [`own_cluster`](Builder::own_cluster).
    pub async fn start_postgres(&self) {
        self.with_postgres(Postgres::start).await;
    }

    pub(crate) fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    /// Starting and stopping Postgres block, so they run on a blocking thread while the service
    /// keeps running.
    async fn with_postgres(&self, work: fn(&Postgres)) {
        let postgres = self.postgres.clone();
        tokio::task::spawn_blocking(move || work(&postgres))
            .await
            .expect("Postgres starts or stops");
    }

    fn url(&self, role: &Role) -> SecretString {
        self.postgres.connection().url(role, &self.database_name)
    }
}

async fn connect(url: &SecretString) -> Owner {
    let url = DatabaseUrl::parse(url).expect("a URL from devdb is valid");
    let connected = Owner::connect(&url).await;
    connected.unwrap_or_else(|error| panic!("cannot connect: {error} ({:?})", error.cause()))
}
