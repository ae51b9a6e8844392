//! `openapi`: prints the API document.

use std::process::ExitCode;

use super::output::print;
use crate::Platform;

pub(super) fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    print(&serde_json::to_string_pretty(&platform.api()?.document())?);
    Ok(ExitCode::SUCCESS)
}
