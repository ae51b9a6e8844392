//! The platform's metrics: their names, their meaning and their buckets.
//!
//! Names follow OpenTelemetry's semantic conventions as Prometheus spells them: lower case, underscores, the unit last.
//! Label values come from small closed sets, such as a route's template, never from a request's path or body: each new
//! value costs memory for as long as the process lives.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

pub use ::metrics::{Unit, counter, gauge, histogram};

/// How long requests took, in seconds. A histogram by method, route and status.
pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// How many requests are being served. A gauge.
pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http_server_active_requests";

/// How long statements took, in seconds. A histogram by statement name.
pub const DB_CLIENT_STATEMENT_DURATION: &str = "db_client_statement_duration_seconds";

/// How many connections to the database there are. A gauge by state: `idle` or `used`.
pub const DB_CLIENT_CONNECTIONS: &str = "db_client_connections";

/// How many jobs there are in the queue. A gauge by state: `waiting`, `running`, `handed_over` or `failed`.
pub const JOBS: &str = "jobs";

/// How many jobs were done. A counter by kind.
pub const JOBS_DONE: &str = "jobs_done_total";

/// How many attempts failed that are repeated. A counter by kind.
pub const JOBS_RETRIED: &str = "jobs_retried_total";

/// How many jobs were given up. A counter by kind.
pub const JOBS_FAILED: &str = "jobs_failed_total";

/// How many jobs were left of which nobody knows whether they were done. A counter by kind.
pub const JOBS_UNCLEAR: &str = "jobs_unclear_total";

/// How many runs of upkeep failed. A counter by task.
pub const PERIODIC_TASKS_FAILED: &str = "periodic_tasks_failed_total";

/// How many findings the rules made in the audit log. A counter by rule and severity.
pub const SECURITY_FINDINGS: &str = "security_findings_total";

/// Upper bounds of a duration's buckets, in seconds: from 1 ms, which an index lookup takes, to 10 s, when callers have
/// given up.
const DURATION_BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A recorder's builder that knows the buckets of every duration.
pub(crate) fn builder() -> Result<PrometheusBuilder, BuildError> {
    let durations = Matcher::Suffix("_duration_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(durations, &DURATION_BUCKETS)
}

/// Tells the installed recorder what the platform's metrics mean.
pub(crate) fn describe() {
    use ::metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(HTTP_SERVER_REQUEST_DURATION, Unit::Seconds, "How long requests took.");
    describe_gauge!(HTTP_SERVER_ACTIVE_REQUESTS, Unit::Count, "How many requests are being served.");
    describe_histogram!(DB_CLIENT_STATEMENT_DURATION, Unit::Seconds, "How long database statements took.");
    describe_gauge!(DB_CLIENT_CONNECTIONS, Unit::Count, "How many connections to the database there are.");
    describe_gauge!(JOBS, Unit::Count, "How many jobs there are in the queue.");
    describe_counter!(JOBS_DONE, Unit::Count, "How many jobs were done.");
    describe_counter!(JOBS_RETRIED, Unit::Count, "How many attempts at jobs failed that are repeated.");
    describe_counter!(JOBS_FAILED, Unit::Count, "How many jobs were given up.");
    describe_counter!(JOBS_UNCLEAR, Unit::Count, "How many jobs nobody knows of whether they were done.");
    describe_counter!(PERIODIC_TASKS_FAILED, Unit::Count, "How many runs of upkeep failed.");
    describe_counter!(SECURITY_FINDINGS, Unit::Count, "How many findings the rules made in the audit log.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_their_buckets() {
        let recorder = builder().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            describe();
            histogram!(HTTP_SERVER_REQUEST_DURATION, "http_route" => "/v1/things/{id}").record(0.003);
            gauge!(DB_CLIENT_CONNECTIONS, "state" => "idle").set(4.0);
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
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
