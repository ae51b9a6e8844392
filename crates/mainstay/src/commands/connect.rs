use std::path::Path;

use anyhow::Context as _;
use mainstay_config::Reader;
use mainstay_crypto::KeyRing;
use mainstay_database::{Database, DatabaseUrl, Origin, Owner, Unscoped};
use mainstay_kernel::Runtime;

use crate::{
    Settings,
    settings::{OWNER_URL, key_ring},
};

/// Which database an operator's command means.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<std::path::PathBuf>,
}

impl Place {
    /// The database that the environment names, or that of a running `dev`.
    pub(super) fn database(&self) -> anyhow::Result<Database> {
        self.settings_and_database().map(|(_, database)| database)
    }

    /// What the environment says, or a running `dev`, and the database that it names.
    pub(super) fn settings_and_database(&self) -> anyhow::Result<(Settings, Database)> {
        settings_and_database(self.data_dir.as_deref())
    }

    /// A connection as the role that owns its schema, the ring, and the clock.
    pub(super) async fn owner(&self) -> anyhow::Result<(Owner, KeyRing, Runtime)> {
        owner(self.data_dir.as_deref()).await
    }

    /// The settings that name it.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        settings(self.data_dir.as_deref())
    }
}

/// Whether the environment names a database.
#[cfg(feature = "dev")]
pub(super) fn is_configured() -> bool {
    ["MAINSTAY_DATABASE_URL", "MAINSTAY_DATABASE_URL_FILE"].iter().any(|name| std::env::var_os(name).is_some())
}

/// The database that the environment names; when it names none, that of the `dev` that runs on `data_dir`.
pub(super) fn database(data_dir: Option<&Path>) -> anyhow::Result<Database> {
    settings_and_database(data_dir).map(|(_, database)| database)
}

fn settings_and_database(data_dir: Option<&Path>) -> anyhow::Result<(Settings, Database)> {
    let settings = settings(data_dir)?;
    let database = Database::new(&settings.database, settings.keys.clone(), Runtime::default())?;
    Ok((settings, database))
}

#[cfg_attr(not(feature = "dev"), expect(unused_variables, reason = "only `dev` has a data directory"))]
fn settings(data_dir: Option<&Path>) -> anyhow::Result<Settings> {
    let mut reader = Reader::of_process();
    #[cfg(feature = "dev")]
    if !is_configured()
        && let Some(running) = super::dev::running(data_dir)?
    {
        reader = reader.with_layer("dev", running);
    }
    Ok(Settings::read(&mut reader)?)
}

/// The database as the role that owns its schema, and the ring: what the environment names, or a running `dev` has. Other
/// settings stand in the same environment; only these two are its business.
#[cfg_attr(not(feature = "dev"), expect(unused_variables, reason = "only `dev` has a data directory"))]
async fn owner(data_dir: Option<&Path>) -> anyhow::Result<(Owner, KeyRing, Runtime)> {
    let mut reader = Reader::of_process();
    #[cfg(feature = "dev")]
    if !["MAINSTAY_DATABASE_OWNER_URL", "MAINSTAY_DATABASE_OWNER_URL_FILE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
        && let Some(running) = super::dev::running_as_owner(data_dir)?
    {
        reader = reader.with_layer("dev", running);
    }
    let url = reader
        .secret(OWNER_URL.0, OWNER_URL.1)
        .context("MAINSTAY_DATABASE_OWNER_URL (or …_FILE) must name Postgres as the role that owns the schema")?;
    let ring = key_ring(&mut reader).unwrap_or(Err("is missing".to_owned()));
    let ring = ring.map_err(|why| anyhow::anyhow!("MAINSTAY_CRYPTO_KEYS (or …_FILE): {why}"))?;
    let url = DatabaseUrl::parse(&url).context("MAINSTAY_DATABASE_OWNER_URL")?;
    let owner = Owner::connect(&url).await.context("cannot connect as the owner of the schema")?;
    Ok((owner, ring, Runtime::default()))
}

/// Goes around the door for a command that an operator runs.
pub(super) fn unscoped(database: &Database, command: &'static str) -> Unscoped {
    let request = database.runtime().new_id::<Origin>().uuid();
    let origin = Origin { request, operation: command, address: None };
    Unscoped::because("an operator's command works on what no organization owns", database, origin, None)
}
