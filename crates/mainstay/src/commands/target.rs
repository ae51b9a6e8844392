//! The database that an operator command uses.

use std::path::Path;

use anyhow::Context as _;
use mainstay_config::Reader;
use mainstay_crypto::KeyRing;
use mainstay_database::{Database, DatabaseUrl, Origin, Owner, Sql};
use mainstay_kernel::{ExposeSecret as _, Runtime};

use crate::settings::{OWNER_URL, keys};

/// The database of an operator's command: the one configured in the environment, or that of a
/// running `dev`.
///
/// The command reads the connection settings, the key ring and its own settings, and ignores those
/// of other processes. If only the owner's URL is set, it connects as the owner.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// Data directory of `dev`, if not the default
    #[arg(long)]
    data_dir: Option<std::path::PathBuf>,
}

impl Target {
    pub(super) fn database(&self) -> anyhow::Result<Database> {
        database(self.data_dir.as_deref())
    }

    /// Returns the database, and the settings that `read` reads.
    pub(super) fn database_and<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> T,
    ) -> anyhow::Result<(Database, T)> {
        database_and(reader(self.data_dir.as_deref())?, read)
    }

    #[cfg(feature = "dev")]
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// Connects as the role that owns the schema; returns the key ring and the runtime, too.
    pub(super) async fn owner(&self) -> anyhow::Result<(Owner, KeyRing, Runtime)> {
        let mut reader = reader(self.data_dir.as_deref())?;
        let url = reader.secret(OWNER_URL.0, OWNER_URL.1);
        let ring = keys(&mut reader);

        reader.finish_part()?;

        let url = url.context("MAINSTAY_DATABASE_OWNER_URL is missing")?;
        let url = DatabaseUrl::parse(&url).context("MAINSTAY_DATABASE_OWNER_URL")?;
        let owner = Owner::connect(&url)
            .await
            .context("cannot connect to Postgres as the owner of the schema")?;

        Ok((
            owner,
            ring.context("MAINSTAY_CRYPTO_KEYS is missing")?,
            Runtime::default(),
        ))
    }
}

/// The database configured in the environment; otherwise that of the `dev` running on `data_dir`.
pub(super) fn database(data_dir: Option<&Path>) -> anyhow::Result<Database> {
    database_and(reader(data_dir)?, |_| ()).map(|(database, ())| database)
}

/// The database configured in `reader`, and the settings that `read` reads.
pub(super) fn database_and<T>(
    mut reader: Reader,
    read: impl FnOnce(&mut Reader) -> T,
) -> anyhow::Result<(Database, T)> {
    if let Some(owner) = reader.optional_secret(OWNER_URL.0, OWNER_URL.1) {
        reader = reader.with_layer(
            "owner",
            [("database.url", owner.expose_secret().to_owned())],
        );
    }

    let settings = mainstay_database::Settings::read(&mut reader);
    let ring = keys(&mut reader);
    let read = read(&mut reader);

    reader.finish_part()?;

    let settings = settings.context("MAINSTAY_DATABASE_URL is missing")?;
    let ring = ring.context("MAINSTAY_CRYPTO_KEYS is missing")?;

    Ok((Database::new(&settings, ring, Runtime::default())?, read))
}

/// Reads the environment, with the settings of a running `dev` below it if no database is
/// configured.
#[cfg_attr(
    not(feature = "dev"),
    expect(
        unused_variables,
        clippy::unnecessary_wraps,
        reason = "only `dev` has a data directory"
    )
)]
fn reader(data_dir: Option<&Path>) -> anyhow::Result<Reader> {
    let reader = Reader::of_process();
    #[cfg(feature = "dev")]
    if !super::configured::is_configured()
        && let Some(running) = super::dev::facts::running(data_dir)?
    {
        return Ok(reader.with_layer("dev", running));
    }
    Ok(reader)
}

/// Unlimited statements for an operator's command.
pub(super) fn sql(database: &Database, command: &'static str) -> Sql {
    let request = database.runtime().new_id::<Origin>().uuid();
    let origin = Origin {
        request,
        operation: command,
        address: None,
    };

    Sql::unlimited(
        "An operator works across all organizations.",
        database,
        origin,
        None,
    )
}
