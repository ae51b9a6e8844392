//! Installation of logs, traces and metrics for the whole process.

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use mainstay_kernel::Clock;
use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::subscriber::set_global_default;
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{Settings, TelemetryError, logs, metrics, process, traces, verbosity::Verbosity};

/// How often recorded durations are moved into buckets. Until then each value takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The telemetry of this process. Its subscriber and recorder cannot be replaced.
static STARTED: Mutex<Option<Telemetry>> = Mutex::new(None);

/// The running logs, traces and metrics of this process.
#[derive(Debug, Clone)]
pub struct Telemetry {
    metrics: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
    verbosity: Verbosity,
}

/// Starts logs, metrics and, if a collector is set, traces.
///
/// A second call in the same process, such as in tests, returns the result of the first and ignores
/// its settings.
///
/// # Errors
/// Fails if code outside this crate has installed a subscriber or recorder, or a thread or client
/// cannot be created.
pub fn start(settings: &Settings) -> Result<Telemetry, TelemetryError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(telemetry) = &*started {
        return Ok(telemetry.clone());
    }

    let traces = match &settings.otlp_endpoint {
        Some(collector) => Some(traces::provider(settings, collector)?),
        None => None,
    };

    let colour = io::stdout().is_terminal();
    let (lines, verbosity) = logs::layer(settings, colour, io::stdout, Clock::default());
    let subscriber = registry().with(lines);

    // Not an `Option` of a layer: with one, spans that no layer wants are asked about at each use.
    match &traces {
        Some(provider) => set_global_default(subscriber.with(traces::layer(provider))),
        None => set_global_default(subscriber),
    }
    .map_err(TelemetryError::Subscriber)?;
    let telemetry = Telemetry {
        metrics: install_recorder()?,
        traces,
        verbosity,
    };

    Ok(started.insert(telemetry).clone())
}

impl Telemetry {
    /// Renders all metrics in the Prometheus text format, version 0.0.4.
    pub fn render_metrics(&self) -> String {
        process::measure();
        self.metrics.render()
    }

    /// Logs more, by one step. Returns the name of the step.
    pub fn louder(&self) -> &'static str {
        self.verbosity.step(1)
    }

    /// Logs less, by one step. Returns the name of the step; the last one is warnings only.
    pub fn quieter(&self) -> &'static str {
        self.verbosity.step(-1)
    }

    /// Exports the remaining spans and stops. Blocks for up to a few seconds if the collector does
    /// not answer.
    pub fn shutdown(&self) {
        if let Some(Err(error)) = self.traces.as_ref().map(SdkTracerProvider::shutdown) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "exporting the last spans failed"
            );
        }
    }
}

fn install_recorder() -> Result<PrometheusHandle, TelemetryError> {
    let handle = metrics::builder()
        .and_then(|builder| builder.install_recorder())
        .map_err(TelemetryError::Recorder)?;

    metrics::describe();

    let upkeep = handle.clone();
    thread::Builder::new()
        .name("metrics-upkeep".to_owned())
        .spawn(move || {
            loop {
                thread::sleep(UPKEEP_INTERVAL);
                upkeep.run_upkeep();
            }
        })
        .map_err(|_| TelemetryError::Thread)?;

    Ok(handle)
}

#[cfg(test)]
mod tests {
    use mainstay_config::Reader;

    use super::*;

    #[test]
    fn a_second_start_returns_the_telemetry_of_the_first() {
        let settings = Settings::read(&mut Reader::new([]));
        let first = start(&settings).unwrap();
        let second = start(&settings).unwrap();

        crate::metrics::counter!("a_second_start_total").increment(3);

        for telemetry in [first, second] {
            assert!(
                telemetry
                    .render_metrics()
                    .contains("a_second_start_total 3")
            );
            telemetry.shutdown();
        }
    }
}
