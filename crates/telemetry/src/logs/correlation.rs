//! The ids of the request and the trace that a line belongs to.

use opentelemetry::trace::TraceContextExt;
use tracing::{
    Dispatch,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, SpanRef};

/// The fields of spans that have ids.
pub(super) const CORRELATED: [&str; 2] = ["request_id", "trace_id"];

/// The ids in the fields of a span, or in the spans around an event.
#[derive(Debug, Clone, Default)]
pub(super) struct Correlation {
    pub(super) request_id: Option<String>,
    pub(super) trace_id: Option<String>,
}

impl Correlation {
    /// Stores the ids of a new span in its extensions.
    pub(super) fn of_new_span(extensions: &mut ExtensionsMut<'_>, attributes: &Attributes<'_>) {
        let mut ids = Self::default();
        attributes.record(&mut ids);
        if !ids.is_empty() {
            extensions.insert(ids);
        }
    }

    /// Stores ids that are recorded later.
    pub(super) fn of_record(extensions: &mut ExtensionsMut<'_>, values: &Record<'_>) {
        let mut recorded = Self::default();
        values.record(&mut recorded);
        if recorded.is_empty() {
            return;
        }

        let earlier: Self = extensions.remove().unwrap_or_default();
        extensions.insert(Self {
            request_id: recorded.request_id.or(earlier.request_id),
            trace_id: recorded.trace_id.or(earlier.trace_id),
        });
    }

    /// Returns the ids of the nearest span that has them. If spans are exported, the trace's id is
    /// that of the exporter.
    pub(super) fn around<'s, S: LookupSpan<'s>>(
        span: &SpanRef<'s, S>,
        dispatch: Option<&Dispatch>,
    ) -> Self {
        let mut found = Self::default();
        for span in span.scope() {
            let extensions = span.extensions();
            let Some(ids) = extensions.get::<Self>() else {
                continue;
            };
            found.request_id = found.request_id.or_else(|| ids.request_id.clone());
            found.trace_id = found.trace_id.or_else(|| ids.trace_id.clone());
        }

        let exported = dispatch.and_then(|dispatch| get_otel_context(&span.id(), dispatch));
        if let Some(context) = exported.filter(TraceContextExt::has_active_span) {
            found.trace_id = Some(context.span().span_context().trace_id().to_string());
        }

        found
    }

    fn is_empty(&self) -> bool {
        self.request_id.is_none() && self.trace_id.is_none()
    }
}

impl Visit for Correlation {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "request_id" => self.request_id = Some(value.to_owned()),
            "trace_id" => self.trace_id = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if CORRELATED.contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}
