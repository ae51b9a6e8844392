//! `worker`: runs background work without serving the API.

use std::process::ExitCode;

use mainstay_config::Reader;
use mainstay_kernel::Runtime;
use mainstay_mail::Transport;

use super::{shutdown, signals::Signals};
use crate::{Platform, Settings, Working};

pub(super) async fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    let settings = Settings::read(&mut reader)?;
    anyhow::ensure!(
        !matches!(settings.mail.transport, Transport::Mailbox),
        "MAINSTAY_MAIL_SMTP_URL is missing: a worker cannot reach the in-memory mailbox of `serve` or `dev`"
    );

    let telemetry = mainstay_telemetry::start(&settings.telemetry)?;

    for warning in reader.warnings() {
        tracing::warn!("{warning}");
    }

    let (stop, signals) = (shutdown::requested(), Signals::install()?);

    let working = Working::bind(
        platform,
        settings,
        Runtime::default(),
        Some(telemetry.clone()),
    )
    .await?;

    tracing::info!(management = %working.management_address()?, "working");

    tokio::select! {
        () = working.run(stop) => {}
        () = signals.handle(telemetry.clone(), None) => {}
    }

    tracing::info!("stopped");
    telemetry.shutdown();

    Ok(ExitCode::SUCCESS)
}
