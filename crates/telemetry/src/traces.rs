//! Spans on their way to an OpenTelemetry collector, over OTLP/HTTP with protobuf bodies.

use std::{thread, time::Duration};

use opentelemetry::{KeyValue, Value, trace::TracerProvider};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};

use crate::{
    Settings, TelemetryError,
    redaction::{REDACTED, is_secret},
    settings::CollectorUrl,
};

/// A collector that takes longer loses the batch; the service does not wait for it.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Crates that an export itself runs through. Their spans would make every export the cause of the next one.
const EXPORTING: [&str; 5] = ["h2", "hyper", "hyper_util", "opentelemetry", "reqwest"];

/// The pipeline to the collector. Batches are sent from a thread of their own.
///
/// Whether a trace is kept follows from its id alone, so that all services at the same ratio agree, and a caller's
/// `sampled` flag, which anybody can set, neither floods the collector nor hides a request from it.
pub(crate) fn provider(
    settings: &Settings,
    collector: &CollectorUrl,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_http_client(client()?)
        .with_endpoint(collector.traces())
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(TelemetryError::Exporter)?;

    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(Redacting(exporter))
        .with_sampler(Sampler::TraceIdRatioBased(settings.sample_ratio.get()))
        .with_resource(
            Resource::builder()
                .with_service_name(settings.service_name.clone())
                .build(),
        )
        .build())
}

/// Hands spans, and the events in them, to the pipeline; nothing more detailed than `info`.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("mainstay"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_exported).with_max_level_hint(LevelFilter::INFO))
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO && !EXPORTING.contains(&crate_name)
}

/// A client that goes to the collector and nowhere else: no proxy from the environment, no redirects.
fn client() -> Result<reqwest::blocking::Client, TelemetryError> {
    let build = || {
        reqwest::blocking::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIMEOUT)
            .build()
    };

    // A blocking client starts a runtime, which it may not do on a thread that already runs one.
    let built = thread::spawn(build)
        .join()
        .map_err(|_| TelemetryError::Thread)?;

    built.map_err(TelemetryError::Client)
}

/// Takes secrets out of spans before they leave the process.
#[derive(Debug)]
struct Redacting<E>(E);

impl<E: SpanExporter> SpanExporter for Redacting<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in &mut batch {
            redact(&mut span.attributes);
            for event in &mut span.events.events {
                redact(&mut event.attributes);
            }
        }
        self.0.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn redact(attributes: &mut [KeyValue]) {
    for attribute in attributes
        .iter_mut()
        .filter(|attribute| is_secret(attribute.key.as_str()))
    {
        attribute.value = Value::from(REDACTED);
    }
}

#[cfg(test)]
mod tests;
