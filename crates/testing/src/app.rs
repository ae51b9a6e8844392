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

/// A whole service, on a database of its own, that ends with this value.
pub struct TestApp {
    pub(crate) platform: Platform,
    pub(crate) runtime: Runtime,
    pub(crate) layers: [Layer; 2],
    pub(crate) server: Server,
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) database_name: String,
    pub(crate) round_trips: Option<RoundTrips>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) client: Client,
    pub(crate) people: AtomicUsize,
    pub(crate) organization: OnceCell<OrganizationId>,
    pub(crate) other_organization: OnceCell<OrganizationId>,
    pub(crate) reader: OnceCell<Mutex<Owner>>,
    /// Mail that a test has been shown.
    pub(crate) seen: std::sync::Mutex<HashSet<Uuid>>,
}

impl TestApp {
    /// Nobody: a client without a token.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// Where the API is served, for tests that write to the socket themselves.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Calls the management port: health and metrics.
    pub fn management(&self) -> Client {
        Client::new(format!("http://{}", self.server.management))
    }

    /// Where health and metrics are served, for tests that write to the socket themselves.
    pub fn management_address(&self) -> SocketAddr {
        self.server.management
    }

    /// What is served.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The clock and the random source that the service was given.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The service's own pool, key ring and clock.
    pub fn database(&self) -> &Database {
        &self.server.database
    }

    /// How the serving role reaches the app's database, past whatever stands in between.
    pub fn database_url(&self) -> SecretString {
        let connection = self.postgres.connection();
        self.url(&connection.server)
    }

    /// How the owner of the schema reaches the app's database.
    pub fn owner_url(&self) -> SecretString {
        let connection = self.postgres.connection();
        self.url(&connection.owner)
    }

    /// A new connection as the owner of the schema, to look into the database. Its search path has the platform's schema
    /// too, which that of the serving role never has.
    pub async fn owner(&self) -> Owner {
        let mut owner = connect(&self.owner_url()).await;
        owner
            .run("SET search_path = public, mainstay", [])
            .await
            .expect("the owner may");

        owner
    }

    /// A new connection as the serving role, to try what it may do.
    pub async fn serving_role(&self) -> Owner {
        connect(&self.database_url()).await
    }

    /// A digest of every table, to show that nothing was written.
    pub async fn contents(&self) -> Contents {
        let connected = self.reader.get_or_init(|| async {
            let mut owner = self.owner().await;
            Contents::prepare(&mut owner).await;
            Mutex::new(owner)
        });
        Contents::of(&mut *connected.await.lock().await).await
    }

    /// Starts the service once more on the same database, with the same keys and the same clock. It leaves queued work
    /// to the first one.
    pub async fn second_replica(&self) -> Replica {
        self.second_replica_with([]).await
    }

    /// The same with some settings of its own, such as a key ring at another stage of a rotation.
    pub async fn second_replica_with(
        &self,
        settings: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Replica {
        self.replica(settings, self.runtime.clone()).await
    }

    /// The same with a clock of its own.
    pub async fn second_replica_by(&self, clock: Clock) -> Replica {
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
        // Mail is in the memory of the process that works.
        layers[0].push(("jobs.in_process", "false".to_owned()));
        Replica::new(Server::start(&self.platform, layers, runtime, || {}).await)
    }

    /// How many round trips the pool has made so far: see [`RoundTrips`].
    ///
    /// # Panics
    /// Unless the app was built with [`counting_round_trips`](Builder::counting_round_trips).
    pub fn round_trips(&self) -> usize {
        self.round_trips
            .as_ref()
            .expect("build the app with `counting_round_trips()`")
            .count()
    }

    /// Stops Postgres, cutting off whoever is connected.
    ///
    /// # Panics
    /// Unless the app was built with [`own_cluster`](Builder::own_cluster).
    pub async fn stop_postgres(&self) {
        self.with_postgres(Postgres::stop).await;
    }

    /// Starts Postgres again, where it was and with what it had committed.
    ///
    /// # Panics
    /// Unless the app was built with [`own_cluster`](Builder::own_cluster).
    pub async fn start_postgres(&self) {
        self.with_postgres(Postgres::start).await;
    }

    pub(crate) fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    /// Starting and stopping wait for processes, and the service goes on meanwhile.
    async fn with_postgres(&self, work: fn(&Postgres)) {
        let postgres = self.postgres.clone();
        tokio::task::spawn_blocking(move || work(&postgres))
            .await
            .expect("Postgres is started or stopped");
    }

    fn url(&self, role: &Role) -> SecretString {
        self.postgres.connection().url(role, &self.database_name)
    }
}

async fn connect(url: &SecretString) -> Owner {
    let url = DatabaseUrl::parse(url).expect("devdb's URL is verified");
    let connected = Owner::connect(&url).await;
    connected.unwrap_or_else(|error| panic!("cannot connect: {error} ({:?})", error.cause()))
}
