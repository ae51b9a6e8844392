//! The private Postgres of `dev`.

use std::{
    net::SocketAddr,
    path::{Display, Path, PathBuf},
    time::Duration,
};

use indicatif::ProgressBar;
use mainstay_config::{BaseUrl, Reader};
use mainstay_database::DatabaseUrl;
use mainstay_devdb::{
    Cluster, ClusterError, Connection, Durability, Options, Programs, Step, check_data_dir,
};
use mainstay_kernel::{ExposeSecret as _, Random, SecretString};

use super::{
    data_dir::data_dir,
    facts::{self, Administrator, Facts, Secrets},
};
use crate::{Platform, commands::migrate};

/// The private Postgres of `dev`, and the secrets stored next to its data.
pub(crate) struct Private {
    cluster: Cluster,
    pub(super) secrets: Secrets,
}

impl Private {
    /// Starts Postgres; finds or downloads its programs first.
    pub(super) async fn start(data_dir: PathBuf, programs: Option<&Path>) -> anyhow::Result<Self> {
        let programs = programs.map(Path::to_owned);
        let cluster = tokio::task::spawn_blocking(move || {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(Duration::from_millis(120));

            let programs = Programs::find_or_fetch(programs.as_deref(), &|step| {
                spinner.set_message(describe(&step))
            })
            .map_err(ClusterError::from)?;

            spinner.set_message("Starting a private Postgres …");
            let options = Options {
                data_dir,
                port: None,
                durability: Durability::Durable,
            };

            let cluster = Cluster::start(&programs, &options, &Random::default());
            spinner.finish_and_clear();

            cluster
        });

        match cluster.await? {
            Ok(cluster) => Ok(Self {
                secrets: Secrets::of(cluster.data_dir())?,
                cluster,
            }),
            Err(error) => Err(explain(error)),
        }
    }

    /// Shuts Postgres down cleanly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        facts::forget_running(self.cluster.data_dir())?;
        Ok(tokio::task::spawn_blocking(|| self.cluster.stop()).await??)
    }

    /// Settings of a service on this Postgres.
    pub(super) fn layer(&self) -> Vec<(&'static str, String)> {
        facts::layer(&self.secrets, self.server_url().expose_secret().to_owned())
    }

    /// The data directory.
    pub(super) fn data_dir(&self) -> Display<'_> {
        self.cluster.data_dir().display()
    }

    /// URL for the role that owns the schema.
    pub(super) fn owner_url(&self) -> SecretString {
        let connection = self.connection();
        connection.url(&connection.owner, &connection.database)
    }

    pub(super) fn facts(&self, api: SocketAddr, management: SocketAddr, shows_mail: bool) -> Facts {
        let [url, management_url] =
            [api, management].map(|address| BaseUrl::of_loopback(address.port()));

        Facts {
            docs_url: url.join("docs").to_string(),
            mail_url: shows_mail.then(|| url.join("dev/mail").to_string()),
            url: url.to_string(),
            management_url: management_url.to_string(),
            database_url: self.server_url().expose_secret().to_owned(),
            database_owner_url: self.owner_url().expose_secret().to_owned(),
            data_dir: self.cluster.data_dir().to_owned(),
            admin: Administrator {
                email: self.secrets.email.clone(),
                password: self.secrets.password.clone(),
            },
            management_address: management,
        }
    }

    pub(super) fn note_running(&self, facts: &Facts) -> anyhow::Result<()> {
        facts::note_running(self.cluster.data_dir(), facts)
    }

    /// Settings for a command that uses this database.
    pub(crate) fn reader(&self) -> Reader {
        Reader::of_process().with_layer("dev", self.layer())
    }

    fn server_url(&self) -> SecretString {
        let connection = self.connection();
        connection.url(&connection.server, &connection.database)
    }

    fn connection(&self) -> &Connection {
        self.cluster.connection()
    }
}

/// Starts the private Postgres for the duration of a command; `None` if a database is configured or
/// `dev` is running.
pub(crate) async fn borrow(
    platform: &Platform,
    data_dir: Option<&Path>,
) -> anyhow::Result<Option<Private>> {
    if crate::commands::configured::is_configured() || facts::running(data_dir)?.is_some() {
        return Ok(None);
    }

    let private = Private::start(free_data_dir(data_dir)?, None).await?;
    migrate::migrate(platform, &DatabaseUrl::parse(&private.owner_url())?).await?;

    Ok(Some(private))
}

/// Like [`data_dir`], but fails if it is not a data directory or is in use by another process.
pub(super) fn free_data_dir(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    let data_dir = data_dir(asked)?;
    check_data_dir(&data_dir).map_err(explain)?;
    Ok(data_dir)
}

/// Adds advice to the error of a data directory in use.
fn explain(error: ClusterError) -> anyhow::Error {
    let ClusterError::InUse { data_dir, pid } = error else {
        return error.into();
    };

    let process = pid
        .map(|pid| format!(" (process {pid})"))
        .unwrap_or_default();

    anyhow::anyhow!(
        "another `dev` is using {}{process}.\nUse that one, or start a second: dev --port 8100 --data-dir data/second",
        data_dir.display()
    )
}

fn describe(step: &Step) -> String {
    match step {
        Step::Asking => "Postgres is not installed: looking for a build to download …".to_owned(),
        Step::Downloading(version) => format!("Downloading Postgres {version} …"),
        Step::Unpacking => "Unpacking Postgres …".to_owned(),
    }
}
