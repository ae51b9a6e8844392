use std::process::ExitCode;

use mainstay_config::{Reader, table};

use super::{complain, say};
use crate::{Settings, settings::OWNER_URL};

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    reader.optional_secret(OWNER_URL.0, OWNER_URL.1);
    let outcome = Settings::read(&mut reader);
    say(&table(reader.entries()));
    Ok(match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    })
}
