//! Export of spans to an OpenTelemetry collector, over OTLP/HTTP with protobuf bodies.

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

/// How long an export may take. After that the batch is lost.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// The crates that an export uses. If their spans were exported, each export would cause the next
/// one.
const EXPORTING: [&str; 5] = ["h2", "hyper", "hyper_util", "opentelemetry", "reqwest"];

/// Creates the pipeline to the collector. A separate thread sends batches.
///
/// Whether a trace is exported depends only on its id, so that all services with the same ratio
/// agree. The caller's `sampled` flag is ignored: it could flood the collector, or hide a request
/// from it.
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

/// Creates the layer that passes spans and their events to the pipeline, up to level `info`.
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

/// Creates a client that connects only to the collector: no proxy from the environment, no
/// redirects.
fn client() -> Result<reqwest::blocking::Client, TelemetryError> {
    let build = || {
        reqwest::blocking::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIMEOUT)
            .build()
    };

    // A blocking client starts a runtime, which is not allowed on a thread that already runs one.
    let built = thread::spawn(build)
        .join()
        .map_err(|_| TelemetryError::Thread)?;

    built.map_err(TelemetryError::Client)
}

/// Redacts secrets in spans before they are exported.
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
