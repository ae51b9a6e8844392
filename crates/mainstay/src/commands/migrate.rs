//! `migrate`: brings the schema up to date.

use std::process::ExitCode;

use anyhow::Context as _;
use mainstay_config::Reader;
use mainstay_database::{DatabaseUrl, Migrated, Owner};

use super::output::say;
use crate::{Platform, declare::declare, settings::OWNER_URL};

pub(super) async fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    // The environment may hold settings of other commands, so only this one is checked.
    let url = reader.secret(OWNER_URL.0, OWNER_URL.1);
    reader.finish_part()?;

    let url =
        DatabaseUrl::parse(&url.context("is missing")?).context("MAINSTAY_DATABASE_OWNER_URL")?;
    let migrated = migrate(platform, &url).await?;
    for migration in &migrated.applied {
        say(&format!("applied {migration}"));
    }

    say(&outcome(platform, &migrated));

    Ok(ExitCode::SUCCESS)
}

/// Describes the schema version after a migration.
pub(super) fn outcome(platform: &Platform, migrated: &Migrated) -> String {
    let (version, own) = (migrated.version, platform.schema_version());
    if version.is_ahead_of(own) {
        return format!("schema ({version}) is newer than this build's ({own}): nothing to do");
    }
    format!("the schema is up to date: {version}")
}

/// Applies pending migrations and writes the declarations of the code, unless the schema is newer than this
/// build.
pub(super) async fn migrate(platform: &Platform, url: &DatabaseUrl) -> anyhow::Result<Migrated> {
    let mut owner = Owner::connect(url)
        .await
        .context("cannot connect to Postgres as the owner of the schema")?;

    let migrated = owner.migrate(platform.schema()).await?;
    if migrated.version == platform.schema_version() {
        declare(platform, &mut owner).await?;
    }
    owner.close().await;

    Ok(migrated)
}
