//! `schema`: prints the versions of the schema.

use std::process::ExitCode;

use super::{output::say, target::Target};
use crate::Platform;

/// Prints the version of the database's schema and the one that this build expects; fails where the first is lower.
pub(super) async fn run(platform: &Platform, target: &Target) -> anyhow::Result<ExitCode> {
    let (found, expected) = (
        target.database()?.health().await?.schema,
        platform.schema_version(),
    );
    let verdict = match found.cmp(&expected) {
        std::cmp::Ordering::Less => "run `migrate`",
        std::cmp::Ordering::Equal => "up to date",
        std::cmp::Ordering::Greater => "newer than this build, which runs on it",
    };

    say(&format!("database  {found}"));
    say(&format!("build     {expected}"));
    say(verdict);

    Ok(if found < expected {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
