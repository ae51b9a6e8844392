//! Configures and starts the service under test.

use std::sync::{Mutex, atomic::AtomicUsize};

use mainstay::Platform;
use mainstay_crypto::{Argon2Parameters, KeyRing, PasswordHasher};
use mainstay_kernel::{Clock, ExposeSecret as _, Random, Runtime};
use tokio::sync::OnceCell;

use crate::{
    Client, RoundTrips, TestApp, databases, postgres::Postgres, server::Layer, server::Server,
};

/// Configures and starts a [`TestApp`].
pub struct Builder {
    platform: Platform,
    runtime: Runtime,
    settings: Layer,
    own_cluster: bool,
    counting: bool,
}

impl TestApp {
    /// Starts `platform` with the default settings. The first start in a process also starts its
    /// Postgres, which takes about a second.
    pub async fn start(platform: Platform) -> Self {
        Self::builder(platform).start().await
    }

    /// Configures an app before it starts.
    pub fn builder(platform: Platform) -> Builder {
        Builder::new(platform)
    }
}

impl Builder {
    pub(crate) fn new(platform: Platform) -> Self {
        Self {
            platform,
            runtime: Runtime::default(),
            settings: Vec::new(),
            own_cluster: false,
            counting: false,
        }
    }

    /// Sets the service's clock. A `Clock::manual` stands still until the test advances it.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.runtime.clock = clock;
        self
    }

    /// Sets the service's random source.
    #[must_use]
    pub fn random(mut self, random: Random) -> Self {
        self.runtime.random = random;
        self
    }

    /// Sets a setting by its dotted name, as in `("http.body_limit", "4KiB")`.
    #[must_use]
    pub fn setting(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// Gives the app its own Postgres, which the test may stop and start. This takes about one
    /// second more.
    #[must_use]
    pub fn own_cluster(mut self) -> Self {
        self.own_cluster = true;
        self
    }

    /// Counts the round trips between the service and Postgres: see [`RoundTrips`].
    #[must_use]
    pub fn counting_round_trips(mut self) -> Self {
        self.counting = true;
        self
    }

    /// Starts the service.
    ///
    /// # Panics
    /// When the service or its Postgres does not start.
    pub async fn start(self) -> TestApp {
        let Self {
            platform,
            runtime,
            settings,
            own_cluster,
            counting,
        } = self;

        let started = tokio::task::spawn_blocking(move || {
            if own_cluster {
                Postgres::own()
            } else {
                Postgres::of_process()
            }
        });

        let postgres = started.await.expect("Postgres starts");
        let database_name = postgres.new_database(&platform).await;
        if runtime.clock.is_manual() {
            databases::drop_clock_guard(postgres.connection(), &database_name).await;
        }

        let mut connection = postgres.connection().clone();
        let round_trips = if counting {
            Some(RoundTrips::start(connection.port).await)
        } else {
            None
        };

        if let Some(round_trips) = &round_trips {
            connection.port = round_trips.port();
        }

        let url = connection.url(&connection.server, &database_name);
        let layers = [settings, default_settings(url.expose_secret().to_owned())];
        let server = Server::start(&platform, layers.clone(), runtime.clone(), || {
            round_trips.iter().for_each(RoundTrips::pool_is_open);
        })
        .await;
        let client = Client::new(format!("http://{}", server.address));

        // Creates the first signing key now, not in the middle of a test that checks what is
        // written.
        client
            .get("/.well-known/jwks.json")
            .await
            .assert_status(200);

        TestApp {
            hasher: PasswordHasher::new(Argon2Parameters::default(), 2, 64, runtime.random.clone()),
            password_hash: OnceCell::new(),
            platform,
            runtime,
            layers,
            server,
            postgres,
            database_name,
            round_trips,
            client,
            people: AtomicUsize::new(1),
            organization: OnceCell::new(),
            other_organization: OnceCell::new(),
            reader: OnceCell::new(),
            seen: Mutex::default(),
        }
    }
}

/// The default settings of a test app. The keys are new for each app.
fn default_settings(database_url: String) -> Layer {
    vec![
        ("environment", "development".to_owned()),
        ("http.bind", "127.0.0.1:0".to_owned()),
        ("management.bind", "127.0.0.1:0".to_owned()),
        ("database.url", database_url),
        ("database.pool_size", "4".to_owned()),
        ("jobs.poll", "500ms".to_owned()),
        // A finding of a watch rule would show up among the rows that a test checks.
        ("watch.interval", "0s".to_owned()),
        // Tests run in parallel, and next to compilers.
        ("database.acquire_timeout", "30s".to_owned()),
        (
            "crypto.keys",
            KeyRing::generate(&Random::default())
                .expose_secret()
                .to_owned(),
        ),
    ]
}
