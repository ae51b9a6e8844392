use std::process::ExitCode;

use super::{connect::Place, say};
use crate::{DataMap, Platform};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Print it as JSON, for tools
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(platform: &Platform, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (settings, database) = arguments.place.settings_and_database()?;
    let rules = settings.retention.apply(platform.retention_rules())?;
    let map = DataMap::read(platform, &database, &rules).await?;
    let text = if arguments.json { serde_json::to_string_pretty(&map)? } else { map.to_markdown() };
    say(text.trim_end());
    Ok(ExitCode::SUCCESS)
}
