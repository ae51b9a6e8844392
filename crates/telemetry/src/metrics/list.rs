//! The list of the platform's metrics.

use ::metrics::Unit::{self, Bytes, Count, Seconds};

use super::metric::{
    Metric,
    MetricKind::{self, Counter, Gauge, Histogram},
};

/// All metrics of the platform, by subject.
pub const METRICS: &[Metric] = &[
    metric(
        "http_server_request_duration_seconds",
        Histogram,
        Seconds,
        &REQUEST,
        "Duration of requests.",
    ),
    metric(
        "http_server_active_requests",
        Gauge,
        Count,
        &ROUTE,
        "Requests in flight.",
    ),
    metric(
        "http_server_connections",
        Gauge,
        Count,
        &["port"],
        "Open connections of the ports `api` and `management`.",
    ),
    metric(
        "tls_certificate_expiry_timestamp_seconds",
        Gauge,
        Seconds,
        &["certificate"],
        EXPIRY,
    ),
    metric(
        "tls_certificate_refused_total",
        Counter,
        Count,
        &[],
        "Replacement certificates or keys that were refused.",
    ),
    metric(
        "db_client_statement_duration_seconds",
        Histogram,
        Seconds,
        &["statement"],
        STATEMENT,
    ),
    metric(
        "db_client_wait_duration_seconds",
        Histogram,
        Seconds,
        &[],
        "Time spent waiting for a connection.",
    ),
    metric(
        "db_client_connections",
        Gauge,
        Count,
        &["pool", "state"],
        CONNECTIONS,
    ),
    metric(
        "db_client_connections_max",
        Gauge,
        Count,
        &["pool"],
        "Largest number of connections of a pool.",
    ),
    metric(
        "db_client_waiting",
        Gauge,
        Count,
        &["pool"],
        "Tasks that wait for a connection of a pool.",
    ),
    metric(
        "password_hasher_computations",
        Gauge,
        Count,
        &["state"],
        "Password hash computations that are `waiting` or `running`.",
    ),
    metric("jobs", Gauge, Count, &["state"], JOBS),
    metric(
        "jobs_oldest_waiting_seconds",
        Gauge,
        Seconds,
        &[],
        "Age of the oldest waiting job.",
    ),
    metric(
        "jobs_overdue_seconds",
        Gauge,
        Seconds,
        &[],
        "Time for which the longest-due job has waited for a worker.",
    ),
    metric(
        "jobs_done_total",
        Counter,
        Count,
        &["kind"],
        "Jobs that succeeded.",
    ),
    metric(
        "jobs_retried_total",
        Counter,
        Count,
        &["kind"],
        "Attempts that failed and will be repeated.",
    ),
    metric(
        "jobs_failed_total",
        Counter,
        Count,
        &["kind"],
        "Jobs that failed for good.",
    ),
    metric(
        "jobs_unclear_total",
        Counter,
        Count,
        &["kind"],
        "Jobs whose outcome is unknown.",
    ),
    metric(
        "periodic_tasks_failed_total",
        Counter,
        Count,
        &["task"],
        "Runs of periodic tasks that failed.",
    ),
    metric(
        "periodic_task_last_success_timestamp_seconds",
        Gauge,
        Seconds,
        &["task"],
        LAST_SUCCESS,
    ),
    metric(
        "retention_rows_total",
        Counter,
        Count,
        &["table"],
        "Rows that were erased or deleted at the end of their retention period.",
    ),
    metric(
        "security_findings_total",
        Counter,
        Count,
        &["rule", "severity"],
        "Findings of watch rules.",
    ),
    metric(
        "audit_oldest_unsealed_seconds",
        Gauge,
        Seconds,
        &[],
        "Age of the oldest unsealed record.",
    ),
    metric(
        "audit_unsealed_records",
        Gauge,
        Count,
        &[],
        "Unsealed records; counted up to ten thousand.",
    ),
    metric(
        "audit_sealed_records",
        Gauge,
        Count,
        &[],
        "Sealed records; reported by the process that seals.",
    ),
    metric(
        "audit_seal_duration_seconds",
        Histogram,
        Seconds,
        &[],
        "Time to seal a batch of records.",
    ),
    metric(
        "audit_seal_failures_total",
        Counter,
        Count,
        &[],
        "Failed attempts to seal.",
    ),
    metric(
        "audit_unpublished_checkpoints",
        Gauge,
        Count,
        &[],
        "Checkpoints that are not yet published.",
    ),
    metric(
        "audit_publish_failures_total",
        Counter,
        Count,
        &[],
        "Failed attempts to publish a checkpoint.",
    ),
    metric("data_keys_missing", Gauge, Count, &["table"], KEYS_MISSING),
    metric("key_age_seconds", Gauge, Seconds, &["key"], KEY_AGE),
    metric(
        "mainstay_clock_skew_seconds",
        Gauge,
        Seconds,
        &[],
        "How far this process's clock is ahead of the database's.",
    ),
    metric(
        "mainstay_schema_version",
        Gauge,
        Count,
        &["of"],
        "The version of the schema: the latest migration of the platform, and of the app.",
    ),
    metric(
        "mainstay_measured_timestamp_seconds",
        Gauge,
        Seconds,
        &[],
        MEASURED,
    ),
    metric(
        "mainstay_build_info",
        Gauge,
        Count,
        &["service", "version", "platform", "schema"],
        BUILD,
    ),
    metric(
        "process_cpu_seconds_total",
        Counter,
        Seconds,
        &[],
        "User and system CPU time, in whole seconds.",
    ),
    metric(
        "process_resident_memory_bytes",
        Gauge,
        Bytes,
        &[],
        "Resident memory.",
    ),
    metric(
        "process_open_fds",
        Gauge,
        Count,
        &[],
        "Open file descriptors.",
    ),
    metric(
        "process_max_fds",
        Gauge,
        Count,
        &[],
        "Largest number of open file descriptors.",
    ),
    metric(
        "process_start_time_seconds",
        Gauge,
        Seconds,
        &[],
        "Start time of the process, as a Unix timestamp.",
    ),
];

const ROUTE: [&str; 2] = ["http_request_method", "http_route"];
const REQUEST: [&str; 3] = [
    "http_request_method",
    "http_route",
    "http_response_status_code",
];

const EXPIRY: &str = "Expiry of a certificate, as a Unix timestamp; `server` is the API's.";
const STATEMENT: &str = "Duration of database statements by name, such as `customers.update`.";
const CONNECTIONS: &str =
    "Connections of the pools `requests` and `work` (jobs, periodic tasks), `idle` or `used`.";
const JOBS: &str =
    "Jobs in the queue: `waiting`, `running`, `handed_over`, `failed`. The same in all processes.";
const LAST_SUCCESS: &str =
    "Last success of a periodic task on any replica, as a Unix timestamp; 0 before the first.";
const KEYS_MISSING: &str =
    "Rows whose data key is missing without an erasure, among a table's oldest and newest hundred.";
const KEY_AGE: &str = "Age of the current key: `root` encrypts and indexes, `signing` signs access tokens, \
     `audit` signs checkpoints. The age of a root key counts from its first use with the database.";
const MEASURED: &str =
    "When this process last measured clock, queue, seal, schema and keys, as a Unix timestamp.";
const BUILD: &str =
    "Always 1; the labels are the service, its version, the platform's and the expected schema.";

const fn metric(
    name: &'static str,
    kind: MetricKind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        unit,
        labels,
        help,
    }
}
