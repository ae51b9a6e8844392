use std::process::ExitCode;

use anyhow::Context as _;
use mainstay_config::Reader;
use mainstay_database::{DatabaseUrl, Owner};
use mainstay_identity::declare_permissions;

use super::say;
use crate::{Platform, settings::OWNER_URL};

pub(super) async fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    let Some(url) = reader.secret(OWNER_URL.0, OWNER_URL.1) else {
        // Other settings stand in the same environment; only this one is this command's business.
        anyhow::bail!("MAINSTAY_DATABASE_OWNER_URL (or …_FILE) must name Postgres as the role that owns the schema");
    };
    let url = DatabaseUrl::parse(&url).context("MAINSTAY_DATABASE_OWNER_URL")?;
    let applied = migrate(platform, &url).await?;
    for migration in &applied {
        say(&format!("applied {migration}"));
    }
    say(&format!("the schema is at version {}", platform.schema_version()));
    Ok(ExitCode::SUCCESS)
}

/// Brings the schema up to date and declares the permissions.
pub(super) async fn migrate(platform: &Platform, url: &DatabaseUrl) -> anyhow::Result<Vec<String>> {
    let mut owner = Owner::connect(url).await.context("cannot connect as the owner of the schema")?;
    let applied = owner.migrate(platform.schema()).await?;
    declare_permissions(&mut owner, &platform.permissions()).await?;
    owner.close().await;
    Ok(applied)
}
