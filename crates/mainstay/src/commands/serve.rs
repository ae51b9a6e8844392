//! `serve`: serves the API.

use std::process::ExitCode;

use mainstay_config::Reader;
use mainstay_kernel::Runtime;

use super::{shutdown, signals::Signals};
use crate::{Platform, Service, Settings};

pub(super) async fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::of_process();
    let settings = Settings::read(&mut reader)?;
    let telemetry = mainstay_telemetry::start(&settings.telemetry)?;

    for warning in reader.warnings() {
        tracing::warn!("{warning}");
    }

    let (stop, signals) = (shutdown::requested(), Signals::install()?);

    let service = Service::bind(
        platform,
        settings,
        Runtime::default(),
        Some(telemetry.clone()),
    )
    .await?;

    tracing::info!(api = %service.address()?, management = %service.management_address()?, "serving");
    let handling_signals = signals.handle(telemetry.clone(), service.certificate().cloned());

    tokio::select! {
        () = service.run(stop) => {}
        () = handling_signals => {}
    }

    tracing::info!("stopped");
    telemetry.shutdown();

    Ok(ExitCode::SUCCESS)
}
