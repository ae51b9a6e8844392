//! `config`: prints and checks the settings.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use mainstay_config::{Reader, table};
use mainstay_database::{Database, DatabaseUrl, Owner, Row};
use mainstay_kernel::Runtime;

use super::output::{complain, say, say_table, warn};
use crate::{Platform, Settings, assembly::Assembly, settings::OWNER_URL};

#[derive(Args)]
pub(super) struct Arguments {
    /// Also connect to Postgres as each role whose URL is set, and report its state
    #[arg(long)]
    connect: bool,
}

/// Prints the settings, and assembles a service as `serve` does, so that it reports the same
/// errors.
pub(super) async fn run(platform: &Platform, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    let owner = owner(&mut reader);
    let outcome = Settings::read(&mut reader);

    say_table(&table(reader.entries()));
    reader.warnings().iter().for_each(|warning| warn(warning));

    let settings = outcome?;

    let assembly = Assembly::new(platform, settings.clone(), Runtime::default())?;
    let connections = assembly.connections(settings.jobs.in_process);
    say(&format!(
        "\nMaximum connections to Postgres: {} per `serve`, {} per `worker`.",
        connections.serve, connections.worker
    ));

    if !arguments.connect {
        say("The connection to Postgres was not tested; run `config --connect` to test it.");
        return Ok(ExitCode::SUCCESS);
    }

    let timeout = settings.database.statement_timeout;
    let mut findings = vec![(
        "MAINSTAY_DATABASE_URL",
        ask(platform, assembly.app.database(), timeout).await,
    )];

    if let Some(url) = owner {
        findings.push((OWNER_VARIABLE, ask_as_owner(&url).await));
    }

    let mut code = ExitCode::SUCCESS;
    for (variable, found) in findings {
        match found {
            Ok(found) => say(&format!("{variable}: {found}")),
            Err(error) => {
                complain(&format!("{variable}: {error:#}"));
                code = ExitCode::FAILURE;
            }
        }
    }

    Ok(code)
}

const OWNER_VARIABLE: &str = "MAINSTAY_DATABASE_OWNER_URL";

/// Reads the owner's URL, which `serve` does not read; `reader` collects its errors.
fn owner(reader: &mut Reader) -> Option<DatabaseUrl> {
    let url = reader.optional_secret(OWNER_URL.0, OWNER_URL.1)?;
    DatabaseUrl::parse(&url)
        .map_err(|error| reader.refuse(OWNER_URL.0, error.to_string()))
        .ok()
}

/// Reports what `serve` would find in the database.
async fn ask(
    platform: &Platform,
    database: &Database,
    timeout: Duration,
) -> anyhow::Result<String> {
    let mut session = database.session(timeout).await?;
    let role = session
        .run("config.role", "SELECT current_user::text", [])
        .await?;
    let role: String = Row::read_first(&role)?.unwrap_or_default();

    session.close().await;

    let health = database.health().await?;
    anyhow::ensure!(
        !health.schema.is_behind(platform.schema_version()),
        "connected as {role}, but the schema is behind ({}); this build needs {}: run `migrate`",
        health.schema,
        platform.schema_version()
    );

    anyhow::ensure!(
        health.keys_open,
        "connected as {role}, but the key ring cannot decrypt the stored data"
    );

    Ok(format!(
        "connected as {role}; schema version {}; the key ring decrypts the stored data",
        health.schema
    ))
}

async fn ask_as_owner(url: &DatabaseUrl) -> anyhow::Result<String> {
    const ROLE: &str = "SELECT current_user::text";
    let mut owner = Owner::connect(url).await?;
    let role = owner.run(ROLE, []).await?;
    let role: String = Row::read_first(&role)?.unwrap_or_default();
    owner.close().await;
    Ok(format!("connected as {role}"))
}
