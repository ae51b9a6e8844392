//! `routes`: prints the access matrix.

use std::process::ExitCode;

use mainstay_http::access_table;

use super::output::say_table;
use crate::Platform;

pub(super) fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    platform.api()?;
    say_table(&access_table(platform.modules()));
    Ok(ExitCode::SUCCESS)
}
