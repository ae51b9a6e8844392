use std::process::ExitCode;

use super::say;
use crate::Platform;

pub(super) fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    say(&serde_json::to_string_pretty(platform.api()?.document())?);
    Ok(ExitCode::SUCCESS)
}
