//! `dev`: runs everything that a developer needs, and stops it again at Ctrl-C.

mod data_dir;
pub(super) mod facts;
mod ports;
pub(super) mod postgres;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use mainstay_config::Reader;
use mainstay_crypto::Sealed;
use mainstay_database::{Database, DatabaseUrl};
use mainstay_kernel::Runtime;
use tokio::sync::oneshot;

use super::{healthcheck, migrate, output::say, seed, shutdown, target::sql};
use crate::{
    Platform, Service, Settings,
    hasher::hasher,
    identity::{
        CreatedAccount, EmailAddress, Membership, NewPassword, NewUser, OrganizationName,
        create_user, find_home,
    },
};

use facts::{Facts, Layer, Secrets};
use ports::Ports;
use postgres::Private;

#[derive(Args)]
pub(super) struct Arguments {
    /// Port of the API on this machine; health and metrics use this port + 1000; 0 picks free ports
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(..=64_535))]
    port: u16,
    /// Data directory of the private Postgres
    ///
    /// Default: data/postgres in the current directory, or a directory in /var/tmp if Postgres
    /// cannot access that one.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// File to write URLs and credentials to as JSON, for scripts, once the server is ready
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Directory of Postgres' programs
    ///
    /// Default: searched for in PATH and the usual directories, and downloaded if not found.
    #[arg(long, env = "POSTGRES_BIN", value_name = "DIRECTORY")]
    postgres_bin: Option<PathBuf>,
}

pub(super) async fn run(platform: &Platform, arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Report configuration errors before starting anything.
    let data_dir = postgres::free_data_dir(arguments.data_dir.as_deref())?;
    let ports = Ports::take(arguments.port)?;
    let addresses = ports.layer()?;

    settings(facts::placeholder_layer(), &addresses)?;

    let private = Private::start(data_dir, arguments.postgres_bin.as_deref()).await?;

    if let Some(path) = &arguments.ready_file {
        // It belongs to a killed run: a living one would hold the data directory.
        facts::remove(path)?;
    }

    let settings = settings(private.layer(), &addresses)?;
    let telemetry = mainstay_telemetry::start(&settings.telemetry)?;

    let migrated = migrate::migrate(platform, &DatabaseUrl::parse(&private.owner_url())?)
        .await
        .with_context(|| {
            format!(
                "cannot migrate the schema; to start from scratch, remove {}",
                private.data_dir()
            )
        })?;

    match migrated.applied.len() {
        0 if migrated.version.is_ahead_of(platform.schema_version()) => {
            say(&migrate::outcome(platform, &migrated))
        }
        0 => {}
        1 => say("Applied 1 migration."),
        count => say(&format!("Applied {count} migrations.")),
    }

    drop(ports);

    let service = Service::bind(
        platform,
        settings,
        Runtime::default(),
        Some(telemetry.clone()),
    )
    .await?;

    fill(platform, service.database(), &private.secrets).await?;
    let facts = private.facts(
        service.address()?,
        service.management_address()?,
        service.mailbox().is_some(),
    );

    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(service.run(async { drop(stopped.await) }));
    let announced = announce(&private, &facts, arguments.ready_file.as_deref()).await;
    if announced.is_ok() {
        shutdown::requested().await;
        say("\nStopping …");
    }

    drop(stop);
    serving.await?;

    if let Some(path) = &arguments.ready_file {
        facts::remove(path)?;
    }

    private.stop().await?;
    telemetry.shutdown();

    announced.map(|()| ExitCode::SUCCESS)
}

/// Reads the settings: the environment first, then the values of `dev`.
fn settings(private: Layer, addresses: &Layer) -> anyhow::Result<Settings> {
    // With one process, messages about the sealer's leadership are noise.
    let filter = "info,sqlx=error,mainstay_audit::sealer=warn".to_owned();
    let logs = [
        ("telemetry.log_format", "pretty".to_owned()),
        ("telemetry.log_filter", filter),
    ];
    let reader = Reader::of_process()
        .with_layer("dev", private)
        .with_layer("dev", addresses.clone());
    Ok(Settings::read(&mut reader.with_layer("dev", logs))?)
}

/// Creates the sample organization, its administrator and its rows, unless an account exists. A
/// service with a single tenant has the organization already.
async fn fill(platform: &Platform, database: &Database, secrets: &Secrets) -> anyhow::Result<()> {
    let sql = sql(database, "dev");
    let count: Vec<i64> = sql
        .query("users.count", "SELECT count(*) FROM mainstay.users", [])
        .await?;
    if *count.first().context("a count returned no row")? > 0 {
        return Ok(());
    }

    let email = EmailAddress::parse(&secrets.email)
        .context("invalid e-mail address of the administrator")?;
    let membership = match find_home(&sql).await? {
        Some(home) => Membership::Existing(home),
        None => Membership::New(OrganizationName::parse("Sample organization")?),
    };
    let administrator = NewUser {
        email: Sealed::new(email),
        password: NewPassword::Plain(secrets.password.clone().into()),
        membership,
        role: "owner".to_owned(),
    };

    let CreatedAccount { user, organization } =
        create_user(&sql, &hasher(Runtime::default()), administrator).await?;
    if let Some((sample, organization)) = platform.sample_data().zip(organization) {
        seed::add(sample, database, organization, user, sample.count).await?;
        say(&format!("Added {} sample {}.", sample.count, sample.name));
    }

    Ok(())
}

/// Waits until the server is ready, then prints the banner and writes the ready file.
async fn announce(
    private: &Private,
    facts: &Facts,
    ready_file: Option<&Path>,
) -> anyhow::Result<()> {
    let address = facts.management_address;
    for _ in 0..200 {
        if tokio::task::spawn_blocking(move || healthcheck::status(address))
            .await?
            .is_ok_and(|status| status == 200)
        {
            private.note_running(facts)?;
            if let Some(path) = ready_file {
                facts::write(path, facts)?;
            }
            say(&facts.banner());
            return Ok(());
        }

        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    bail!("the server did not become ready; see its log above")
}
