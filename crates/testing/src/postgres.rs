//! The Postgres of the tests: one per process, or one per test that the test may stop and start.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use mainstay::Platform;
use mainstay_devdb::{Cluster, Connection, Durability, Options, Programs, throwaway};
use mainstay_kernel::Random;

use crate::databases;

/// A running Postgres and the migrated template databases that tests copy.
pub(crate) struct Postgres {
    connection: Connection,
    owned: Option<Owned>,
    /// Template databases by their migrations and permissions.
    templates: tokio::sync::Mutex<HashMap<String, String>>,
}

/// A cluster that one test stops and starts. Dropping it removes its directory.
struct Owned {
    options: Options,
    programs: Programs,
    cluster: Mutex<Option<Cluster>>,
}

impl Postgres {
    /// Returns the process's shared Postgres. It is never dropped; its reaper removes it when the
    /// process ends.
    pub(crate) fn of_process() -> Arc<Self> {
        static SHARED: OnceLock<(Cluster, Arc<Postgres>)> = OnceLock::new();
        let (_, postgres) = SHARED.get_or_init(|| {
            let cluster =
                throwaway().unwrap_or_else(|error| panic!("no Postgres for the tests: {error}"));
            let postgres = Self::new(cluster.connection().clone(), None);
            (cluster, Arc::new(postgres))
        });
        postgres.clone()
    }

    /// Starts a Postgres for a single test. It syncs to disk, so committed data survives a stop.
    pub(crate) fn own() -> Arc<Self> {
        let random = Random::default();
        // The next run's `throwaway` removes a directory of this name that a killed run left
        // behind.
        let name = format!(
            "mainstay-throwaway-{:016x}",
            u64::from_be_bytes(random.bytes())
        );
        let data_dir = std::env::temp_dir().join(name);

        let options = Options {
            data_dir,
            port: None,
            durability: Durability::Durable,
        };

        let programs =
            Programs::find_or_fetch(None, &|_| {}).unwrap_or_else(|error| panic!("{error}"));
        let cluster =
            Cluster::start(&programs, &options, &random).unwrap_or_else(|error| panic!("{error}"));
        let connection = cluster.connection().clone();
        let options = Options {
            port: Some(connection.port),
            ..options
        };

        Arc::new(Self::new(
            connection,
            Some(Owned {
                options,
                programs,
                cluster: Mutex::new(Some(cluster)),
            }),
        ))
    }

    fn new(connection: Connection, owned: Option<Owned>) -> Self {
        Self {
            connection,
            owned,
            templates: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Creates a database with the schema and permissions of `platform`, and returns its name.
    pub(crate) async fn new_database(&self, platform: &Platform) -> String {
        let schema = platform.schema();
        let checksums: Vec<_> = [schema.platform(), schema.app()]
            .into_iter()
            .flat_map(|sequence| sequence.get_migrations())
            .map(|it| it.checksum())
            .collect();

        let key = format!(
            "{checksums:?} {:?} {:?}",
            platform.permissions(),
            platform.tenant()
        );
        let mut templates = self.templates.lock().await;
        let template = match templates.get(&key) {
            Some(template) => template.clone(),
            None => {
                let template = databases::migrated(&self.connection, platform).await;
                templates.insert(key, template.clone());
                template
            }
        };

        drop(templates);

        databases::copy(&self.connection, &template).await
    }

    /// Stops the server and drops its connections.
    pub(crate) fn stop(&self) {
        let stopped = self.owned().lock_cluster().take().map(Cluster::stop);
        stopped
            .transpose()
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts the server again, on the same port and with its committed data.
    pub(crate) fn start(&self) {
        let owned = self.owned();
        let cluster = Cluster::start(&owned.programs, &owned.options, &Random::default());
        *owned.lock_cluster() = Some(cluster.unwrap_or_else(|error| panic!("{error}")));
    }

    fn owned(&self) -> &Owned {
        self.owned
            .as_ref()
            .expect("other tests share this Postgres: build the app with `own_cluster()`")
    }
}

impl Owned {
    fn lock_cluster(&self) -> MutexGuard<'_, Option<Cluster>> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        drop(self.lock_cluster().take());
        // A later run removes what cannot be removed now.
        fs::remove_dir_all(&self.options.data_dir).ok();
    }
}
