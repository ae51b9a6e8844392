use std::process::ExitCode;

use mainstay_http::access_table;

use super::say;
use crate::Platform;

pub(super) fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    platform.api()?;
    say(access_table(platform.modules()).trim_end());
    Ok(ExitCode::SUCCESS)
}
