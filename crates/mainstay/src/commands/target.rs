//! The database that an operator's command works on.

use std::path::Path;

use anyhow::Context as _;
use mainstay_config::Reader;
use mainstay_crypto::KeyRing;
use mainstay_database::{Database, DatabaseUrl, Origin, Owner, Unscoped};
use mainstay_kernel::{ExposeSecret as _, Runtime};

use crate::settings::{OWNER_URL, keys};

/// Which database an operator's command means: the one that the environment names, or that of a running `dev`.
///
/// Such a command reads how to reach it and the key ring, and what it asks for itself. Whatever else stands in its
/// environment is the business of other processes. Where only the owner of the schema is named, it works as the owner.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<std::path::PathBuf>,
}

impl Target {
    /// The database.
    pub(super) fn database(&self) -> anyhow::Result<Database> {
        database(self.data_dir.as_deref())
    }

    /// The database, and settings that `read` reads.
    pub(super) fn database_and<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> T,
    ) -> anyhow::Result<(Database, T)> {
        database_and(reader(self.data_dir.as_deref())?, read)
    }

    /// The data directory of `dev` that was named.
    #[cfg(feature = "dev")]
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// A connection as the role that owns its schema, the ring, and the clock.
    pub(super) async fn owner(&self) -> anyhow::Result<(Owner, KeyRing, Runtime)> {
        let mut reader = reader(self.data_dir.as_deref())?;
        let url = reader.secret(OWNER_URL.0, OWNER_URL.1);
        let ring = keys(&mut reader);

        reader.finish_part()?;

        let url = url.context("MAINSTAY_DATABASE_OWNER_URL is missing")?;
        let url = DatabaseUrl::parse(&url).context("MAINSTAY_DATABASE_OWNER_URL")?;
        let owner = Owner::connect(&url)
            .await
            .context("cannot connect as the owner of the schema")?;

        Ok((
            owner,
            ring.context("MAINSTAY_CRYPTO_KEYS is missing")?,
            Runtime::default(),
        ))
    }
}

/// The database that the environment names; when it names none, that of the `dev` that runs on `data_dir`.
pub(super) fn database(data_dir: Option<&Path>) -> anyhow::Result<Database> {
    database_and(reader(data_dir)?, |_| ()).map(|(database, ())| database)
}

/// The database that `reader` finds, and settings that `read` reads.
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

/// The environment, above a `dev` that runs where the environment names no database.
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
        && let Some(running) = super::dev::running(data_dir)?
    {
        return Ok(reader.with_layer("dev", running));
    }
    Ok(reader)
}

/// Goes around the door for a command that an operator runs.
pub(super) fn unscoped(database: &Database, command: &'static str) -> Unscoped {
    let request = database.runtime().new_id::<Origin>().uuid();
    let origin = Origin {
        request,
        operation: command,
        address: None,
    };

    Unscoped::because(
        "an operator's command works on what no organization owns",
        database,
        origin,
        None,
    )
}
