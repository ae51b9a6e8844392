//! `data-map`: prints the record of processing.

use std::process::ExitCode;

use mainstay_database::Database;

use super::{output::print, target::Target};
use crate::{DataMap, Platform, RetentionSettings};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Print JSON instead of Markdown
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Prints the record from the configured database or from that of `dev`, whose Postgres is started
/// temporarily if it is not running.
pub(super) async fn run(platform: &Platform, arguments: Arguments) -> anyhow::Result<ExitCode> {
    #[cfg(feature = "dev")]
    if let Some(private) =
        super::dev::postgres::borrow(platform, arguments.target.data_dir()).await?
    {
        let read = super::target::database_and(private.reader(), RetentionSettings::read)?;
        let printed = record(platform, read, arguments.json).await;
        private.stop().await?;
        return printed.map(|()| ExitCode::SUCCESS);
    }

    record(
        platform,
        arguments.target.database_and(RetentionSettings::read)?,
        arguments.json,
    )
    .await?;

    Ok(ExitCode::SUCCESS)
}

async fn record(
    platform: &Platform,
    (database, kept): (Database, RetentionSettings),
    as_json: bool,
) -> anyhow::Result<()> {
    let rules = kept.apply(platform.retention_rules())?;
    let map = DataMap::read(platform, &database, &rules).await?;
    let text = if as_json {
        serde_json::to_string_pretty(&map)?
    } else {
        map.to_markdown()
    };
    print(text.trim_end());
    Ok(())
}
