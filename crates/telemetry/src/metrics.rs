//! The platform's metrics: a list of names, descriptions and buckets. Code refers to metrics by
//! name; a test finds names that are not in the list. `docs/operations.md` contains the list.
//!
//! Names follow OpenTelemetry's semantic conventions in the form of Prometheus: lower case,
//! underscores, the unit last. Label values come from small fixed sets, such as the templates of
//! routes, never from a request's path or body, because each value takes memory until the process
//! ends.

mod list;
mod metric;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

pub use ::metrics::{Unit, counter, gauge, histogram};
pub use list::METRICS;
pub use metric::{Metric, MetricKind};

/// Upper bounds of the buckets of durations, in seconds: from 1 ms, the time of an index lookup, to
/// 10 s, when callers have given up.
const DURATION_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Creates a builder with the buckets of durations.
pub(crate) fn builder() -> Result<PrometheusBuilder, BuildError> {
    let durations = Matcher::Suffix("_duration_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(durations, &DURATION_BUCKETS)
}

/// Describes the metrics to the installed recorder, and registers counters without labels at 0. A
/// counter that first appears with the value 1 shows no increase in queries. Code that knows the
/// label values registers the other counters.
pub(crate) fn describe() {
    use ::metrics::{describe_counter, describe_gauge, describe_histogram};

    for Metric {
        name,
        kind,
        unit,
        labels,
        help,
    } in METRICS.iter().copied()
    {
        match kind {
            MetricKind::Counter => describe_counter!(name, unit, help),
            MetricKind::Gauge => describe_gauge!(name, unit, help),
            MetricKind::Histogram => describe_histogram!(name, unit, help),
        }
        if kind == MetricKind::Counter && labels.is_empty() {
            counter!(name).increment(0);
        }
    }
}

/// Renders all metrics as a Markdown table, for `docs/operations.md`.
pub fn reference() -> String {
    let mut table =
        String::from("| name | kind | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for Metric {
        name,
        kind,
        unit,
        labels,
        help,
    } in METRICS
    {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };

        let unit = match unit {
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            _ => "",
        };

        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        table.push_str(&format!(
            "| `{name}` | {kind} | {unit} | {} | {help} |\n",
            labels.join(", ")
        ));
    }

    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_buckets() {
        let recorder = builder().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            describe();
            histogram!("http_server_request_duration_seconds", "http_route" => "/v1/things/{id}")
                .record(0.003);
            gauge!("db_client_connections", "state" => "idle").set(4.0);
        });

        let text = recorder.handle().render();
        let route = r#"http_route="/v1/things/{id}""#;

        for line in [
            "# HELP http_server_request_duration_seconds Duration of requests.".to_owned(),
            "# TYPE http_server_request_duration_seconds histogram".to_owned(),
            format!(r#"http_server_request_duration_seconds_bucket{{{route},le="0.0025"}} 0"#),
            format!(r#"http_server_request_duration_seconds_bucket{{{route},le="0.005"}} 1"#),
            format!(r#"http_server_request_duration_seconds_bucket{{{route},le="10"}} 1"#),
            format!("http_server_request_duration_seconds_sum{{{route}}} 0.003"),
            r#"db_client_connections{state="idle"} 4"#.to_owned(),
            "audit_seal_failures_total 0".to_owned(),
        ] {
            assert!(
                text.lines().any(|written| written == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn metrics_are_unique_and_their_names_match_kind_and_unit() {
        for (
            place,
            Metric {
                name, kind, unit, ..
            },
        ) in METRICS.iter().enumerate()
        {
            assert!(
                METRICS[..place].iter().all(|other| other.name != *name),
                "{name} is listed twice"
            );
            assert_eq!(
                name.ends_with("_total"),
                *kind == MetricKind::Counter,
                "{name}"
            );
            let bare = name.trim_end_matches("_total");
            assert_eq!(bare.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            assert_eq!(bare.ends_with("_bytes"), *unit == Unit::Bytes, "{name}");
        }
    }
}
