//! The error of a failed start of telemetry.

use metrics_exporter_prometheus::BuildError;
use opentelemetry_otlp::ExporterBuildError;
use tracing::subscriber::SetGlobalDefaultError;

/// The reason why telemetry cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Code outside this crate has installed a `tracing` subscriber.
    #[error("another tracing subscriber is installed already")]
    Subscriber(#[source] SetGlobalDefaultError),
    /// Code outside this crate has installed a metrics recorder, or the buckets are invalid.
    #[error("the metrics recorder cannot be installed")]
    Recorder(#[source] BuildError),
    /// The span exporter cannot be built.
    #[error("the span exporter cannot be built")]
    Exporter(#[source] ExporterBuildError),
    /// The HTTP client of the span exporter cannot be built.
    #[error("the span exporter's HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    /// A thread of telemetry could not be started.
    #[error("starting a thread for telemetry failed")]
    Thread,
}
