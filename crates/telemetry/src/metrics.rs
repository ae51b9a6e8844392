//! The platform's metrics: their names, their meaning and their buckets, in one list. Code that counts writes the name, and a
//! test finds names that are not listed; `docs/operations.md` shows the list.
//!
//! Names follow OpenTelemetry's semantic conventions as Prometheus spells them: lower case, underscores, the unit last.
//! Label values come from small closed sets, such as a route's template, never from a request's path or body: each new
//! value costs memory for as long as the process lives.

mod list;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

pub use ::metrics::{Unit, counter, gauge, histogram};
pub use list::METRICS;

/// A metric of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, as it is scraped.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What it is counted in.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says: one sentence.
    pub help: &'static str,
}

/// What kind a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows. It exists, at 0, before its first event.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by buckets.
    Histogram,
}

/// Upper bounds of a duration's buckets, in seconds: from 1 ms, which an index lookup takes, to 10 s, when callers have
/// given up.
const DURATION_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A recorder's builder that knows the buckets of every duration.
pub(crate) fn builder() -> Result<PrometheusBuilder, BuildError> {
    let durations = Matcher::Suffix("_duration_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(durations, &DURATION_BUCKETS)
}

/// Tells the installed recorder what the platform's metrics mean, and makes every counter without labels exist: what
/// appears at 1 has not grown, for whoever asks by how much. Counters with labels are made by whoever knows their values.
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
            Kind::Counter => describe_counter!(name, unit, help),
            Kind::Gauge => describe_gauge!(name, unit, help),
            Kind::Histogram => describe_histogram!(name, unit, help),
        }
        if kind == Kind::Counter && labels.is_empty() {
            counter!(name).increment(0);
        }
    }
}

/// Every metric with its kind, unit, labels and meaning, as a Markdown table: what `docs/operations.md` shows.
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
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
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
    fn durations_are_counted_in_their_buckets() {
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
            "# HELP http_server_request_duration_seconds How long requests took.".to_owned(),
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
    fn each_is_listed_once_and_named_after_its_kind_and_unit() {
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
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let bare = name.trim_end_matches("_total");
            assert_eq!(bare.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            assert_eq!(bare.ends_with("_bytes"), *unit == Unit::Bytes, "{name}");
        }
    }
}
