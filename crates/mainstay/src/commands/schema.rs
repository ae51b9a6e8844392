//! `schema`: prints the schema versions of the database and of this build.

use std::process::ExitCode;

use super::{output::say, target::Target};
use crate::Platform;

/// Prints the schema version of the database and the version that this build expects. Fails if a
/// migration is missing.
pub(super) async fn run(platform: &Platform, target: &Target) -> anyhow::Result<ExitCode> {
    let (found, expected) = (
        target.database()?.health().await?.schema,
        platform.schema_version(),
    );

    let (verdict, code) = if found.is_behind(expected) {
        (
            "The schema is behind this build: run `migrate`.",
            ExitCode::FAILURE,
        )
    } else if found.is_ahead_of(expected) {
        (
            "The schema is newer than this build, which can run on it.",
            ExitCode::SUCCESS,
        )
    } else {
        ("The schema is up to date.", ExitCode::SUCCESS)
    };

    say(&format!("database  {found}"));
    say(&format!("build     {expected}"));
    say(verdict);

    Ok(code)
}
