//! The caller's trace, from the headers of W3C Trace Context.

use opentelemetry::{
    Context,
    propagation::{Extractor, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The caller's span, from the headers `traceparent` and `tracestate`.
///
/// It is untrusted: it places a span in a trace, and says nothing about who the caller is. Its
/// `sampled` flag is ignored, because this service decides which traces are exported.
#[derive(Debug, Clone)]
pub struct Parent(Context);

/// Reads the caller's span; `None` if the headers are missing or malformed. `headers` returns the
/// value of a header by its name in lower case.
///
/// ```
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let parent = mainstay_telemetry::parent_of(|name| (name == "traceparent").then_some(traceparent));
/// assert_eq!(parent.unwrap().trace_id(), "0af7651916cd43dd8448eb211c80319c");
/// ```
pub fn parent_of<'h>(headers: impl Fn(&str) -> Option<&'h str>) -> Option<Parent> {
    let carrier = Headers {
        traceparent: headers("traceparent"),
        tracestate: headers("tracestate"),
    };
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);

    context
        .span()
        .span_context()
        .is_valid()
        .then_some(Parent(context))
}

impl Parent {
    /// The trace's id: 32 hexadecimal digits in lower case.
    pub fn trace_id(&self) -> String {
        self.0.span().span_context().trace_id().to_string()
    }

    /// Makes `span` a child of the caller's span. Call it before `span` is entered.
    pub fn adopt(self, span: &Span) {
        // Fails if spans are not exported or this one is filtered out, when it is not needed.
        let _ = span.set_parent(self.0);
    }
}

struct Headers<'h> {
    traceparent: Option<&'h str>,
    tracestate: Option<&'h str>,
}

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "traceparent" => self.traceparent,
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace_id(traceparent: &str) -> Option<String> {
        parent_of(|name| (name == "traceparent").then_some(traceparent))
            .map(|parent| parent.trace_id())
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for traceparent in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
            "00-not-hexadecimal-01",
            "00-\u{202e}-b7ad6b7169203331-01",
        ] {
            assert_eq!(trace_id(traceparent), None, "{traceparent}");
        }

        assert!(parent_of(|_| None).is_none());
    }
}
