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

/// The private Postgres of a `dev`, and the secrets that lie beside its data.
pub(crate) struct Private {
    cluster: Cluster,
    pub(super) secrets: Secrets,
}

impl Private {
    /// Starts it.
    pub(super) async fn start(data_dir: PathBuf, programs: Option<&Path>) -> anyhow::Result<Self> {
        let programs = programs.map(Path::to_owned);
        let cluster = tokio::task::spawn_blocking(move || {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(Duration::from_millis(120));

            let programs = Programs::find_or_fetch(programs.as_deref(), &|step| {
                spinner.set_message(told(&step))
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
            Err(error) => Err(told_of(error)),
        }
    }

    /// Stops it, cleanly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        facts::forget_running(self.cluster.data_dir())?;
        Ok(tokio::task::spawn_blocking(|| self.cluster.stop()).await??)
    }

    /// The settings that follow from it.
    pub(super) fn layer(&self) -> Vec<(&'static str, String)> {
        facts::layer(&self.secrets, self.server_url().expose_secret().to_owned())
    }

    /// Where its data lies.
    pub(super) fn data_dir(&self) -> Display<'_> {
        self.cluster.data_dir().display()
    }

    /// As the role that owns the schema.
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

    /// The settings of a command that works on its database.
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

/// Starts the private Postgres for a command that needs one for the while; `None` when a database is configured or a
/// `dev` runs.
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

/// The data directory of `dev`, unless it is none, or another process has it open.
pub(super) fn free_data_dir(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    let data_dir = data_dir(asked)?;
    check_data_dir(&data_dir).map_err(told_of)?;
    Ok(data_dir)
}

fn told_of(error: ClusterError) -> anyhow::Error {
    let ClusterError::InUse { data_dir, pid } = error else {
        return error.into();
    };
    let process = pid
        .map(|pid| format!(" (process {pid})"))
        .unwrap_or_default();
    anyhow::anyhow!(
        "another `dev` runs on {}{process}.\nUse that one, or start a second beside it: \
         dev --port 8100 --data-dir data/second",
        data_dir.display()
    )
}

fn told(step: &Step) -> String {
    match step {
        Step::Asking => "Postgres is not installed: looking for a build to download …".to_owned(),
        Step::Downloading(version) => format!("Downloading Postgres {version} …"),
        Step::Unpacking => "Unpacking Postgres …".to_owned(),
    }
}
