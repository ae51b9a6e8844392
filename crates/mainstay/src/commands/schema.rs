//! `schema`: prints the versions of the schema.

use std::process::ExitCode;

use super::{output::say, target::Target};
use crate::Platform;

/// Prints the version of the database's schema and the one that this build expects; fails where a migration is missing.
pub(super) async fn run(platform: &Platform, target: &Target) -> anyhow::Result<ExitCode> {
    let (found, expected) = (
        target.database()?.health().await?.schema,
        platform.schema_version(),
    );

    let (verdict, code) = if found.is_behind(expected) {
        ("run `migrate`", ExitCode::FAILURE)
    } else if found.is_ahead_of(expected) {
        ("newer than this build, which runs on it", ExitCode::SUCCESS)
    } else {
        ("up to date", ExitCode::SUCCESS)
    };

    say(&format!("database  {found}"));
    say(&format!("build     {expected}"));
    say(verdict);

    Ok(code)
}
