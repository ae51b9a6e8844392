//! The span, the log line and the metrics of every request.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use http::{HeaderMap, StatusCode, request::Parts};
use mainstay_kernel::Uuid;
use mainstay_telemetry::parent_of;
use metrics::{Gauge, Histogram};
use tracing::{Span, field};

use crate::reply::Reply;

// The metrics that each thread has used, because finding one by its labels costs several times as
// much as recording a value. Methods, routes and statuses are small fixed sets.
thread_local! {
    static DURATIONS: RefCell<HashMap<(&'static str, &'static str, u16), Histogram>> =
        RefCell::default();
    static ACTIVE: RefCell<HashMap<(&'static str, &'static str), Gauge>> = RefCell::default();
}

/// The operation name of everything that is not an endpoint.
pub(crate) const PAGE: &str = "page";

/// The span of a request.
pub(crate) fn span(
    method: &'static str,
    route: &'static str,
    request_id: Uuid,
    headers: &HeaderMap,
) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = field::Empty,
        otel.kind = "server",
        request_id = %request_id,
        http.request.method = method,
        http.route = route,
        trace_id = field::Empty,
    );

    if !span.is_disabled() {
        span.record(
            "otel.name",
            field::display(format_args!("{method} {route}")),
        );
    }

    if let Some(parent) = parent_of(|name| headers.get(name).and_then(|value| value.to_str().ok()))
    {
        span.record("trace_id", parent.trace_id());
        parent.adopt(&span);
    }

    span
}

/// Logs and measures a request. The log has the template of the path, because a path or query may
/// contain personal data. Successful responses with pages and their files are logged at debug
/// level.
pub(crate) fn report(
    method: &'static str,
    (route, operation): (&'static str, &'static str),
    reply: &Reply,
    problem: Option<(&'static str, Option<String>)>,
    took: Duration,
) {
    let status = reply.status().as_u16();
    let (code, cause) = problem.map_or((None, None), |(code, cause)| (Some(code), cause));
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);

    match status {
        500.. => tracing::error!(method, route, status, code, cause, microseconds, "answered"),
        ..400 if operation == PAGE => {
            tracing::debug!(method, route, status, microseconds, "answered")
        }
        _ => tracing::info!(method, route, status, code, cause, microseconds, "answered"),
    }

    DURATIONS.with_borrow_mut(|durations| {
        durations
            .entry((method, route, status))
            .or_insert_with(|| duration(method, route, reply.status()))
            .record(took.as_secs_f64());
    });
}

fn duration(method: &'static str, route: &'static str, status: StatusCode) -> Histogram {
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => status.as_str().to_owned(),
    )
}

/// The method as a label for metrics: a registered one or `_OTHER`, because a client may send any
/// token.
pub(crate) fn label(parts: &Parts) -> &'static str {
    match parts.method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

fn active(method: &'static str, route: &'static str) -> Gauge {
    metrics::gauge!(
        "http_server_active_requests", "http_request_method" => method, "http_route" => route
    )
}

/// Counts a request as active until it is dropped, even if its client disconnects.
pub(crate) struct Active(Gauge);

impl Active {
    pub(crate) fn new(method: &'static str, route: &'static str) -> Self {
        let gauge = ACTIVE.with_borrow_mut(|gauges| {
            gauges
                .entry((method, route))
                .or_insert_with(|| active(method, route))
                .clone()
        });
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
