use super::{
    Kind::{self, Counter, Gauge, Histogram},
    Metric,
    Unit::{self, Bytes, Count, Seconds},
};

/// Every metric of the platform, by what it is about.
pub const METRICS: &[Metric] = &[
    metric(
        "http_server_request_duration_seconds",
        Histogram,
        Seconds,
        &REQUEST,
        "How long requests took.",
    ),
    metric(
        "http_server_active_requests",
        Gauge,
        Count,
        &ROUTE,
        "How many requests are being served.",
    ),
    metric(
        "http_server_connections",
        Gauge,
        Count,
        &["port"],
        "How many connections are open: `api`, `management`.",
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
        "New certificates or keys that were not taken.",
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
        "How long was waited for a connection.",
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
        "How many connections a pool may have.",
    ),
    metric(
        "db_client_waiting",
        Gauge,
        Count,
        &["pool"],
        "How many wait for a connection of a pool.",
    ),
    metric(
        "password_hasher_computations",
        Gauge,
        Count,
        &["state"],
        "Passwords that are hashed: `waiting`, `running`.",
    ),
    metric("jobs", Gauge, Count, &["state"], JOBS),
    metric(
        "jobs_oldest_waiting_seconds",
        Gauge,
        Seconds,
        &[],
        "How long ago the oldest waiting job was queued.",
    ),
    metric(
        "jobs_overdue_seconds",
        Gauge,
        Seconds,
        &[],
        "How long the first job that is due has waited for a worker.",
    ),
    metric(
        "jobs_done_total",
        Counter,
        Count,
        &["kind"],
        "Jobs that were done.",
    ),
    metric(
        "jobs_retried_total",
        Counter,
        Count,
        &["kind"],
        "Attempts at jobs that failed and are repeated.",
    ),
    metric(
        "jobs_failed_total",
        Counter,
        Count,
        &["kind"],
        "Jobs that were given up.",
    ),
    metric(
        "jobs_unclear_total",
        Counter,
        Count,
        &["kind"],
        "Jobs of which nobody knows whether they were done.",
    ),
    metric(
        "periodic_tasks_failed_total",
        Counter,
        Count,
        &["task"],
        "Runs of upkeep that failed.",
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
        "Rows that were erased or deleted when their time was over.",
    ),
    metric(
        "security_findings_total",
        Counter,
        Count,
        &["rule", "severity"],
        "Findings of the rules in the audit log.",
    ),
    metric(
        "audit_oldest_unsealed_seconds",
        Gauge,
        Seconds,
        &[],
        "How old the oldest record without a seal is.",
    ),
    metric(
        "audit_unsealed_records",
        Gauge,
        Count,
        &[],
        "Records that wait for their seal; ten thousand at most.",
    ),
    metric(
        "audit_sealed_records",
        Gauge,
        Count,
        &[],
        "Records that are sealed; told by the process that seals.",
    ),
    metric(
        "audit_seal_duration_seconds",
        Histogram,
        Seconds,
        &[],
        "How long it took to seal a batch of records.",
    ),
    metric(
        "audit_seal_failures_total",
        Counter,
        Count,
        &[],
        "Attempts to seal that failed.",
    ),
    metric(
        "audit_unpublished_checkpoints",
        Gauge,
        Count,
        &[],
        "Checkpoints that are to be published.",
    ),
    metric(
        "audit_publish_failures_total",
        Counter,
        Count,
        &[],
        "Attempts to publish a checkpoint that failed.",
    ),
    metric("data_keys_missing", Gauge, Count, &["table"], KEYS_MISSING),
    metric("key_age_seconds", Gauge, Seconds, &["key"], KEY_AGE),
    metric(
        "mainstay_clock_skew_seconds",
        Gauge,
        Seconds,
        &[],
        "How far this clock is ahead of the database's.",
    ),
    metric(
        "mainstay_schema_version",
        Gauge,
        Count,
        &[],
        "The version of the schema: that of its last migration.",
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
        "Time on processors, user and system, in whole seconds.",
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
        "How many file descriptors may be open.",
    ),
    metric(
        "process_start_time_seconds",
        Gauge,
        Seconds,
        &[],
        "When the process started, since 1970.",
    ),
];

const ROUTE: [&str; 2] = ["http_request_method", "http_route"];
const REQUEST: [&str; 3] = [
    "http_request_method",
    "http_route",
    "http_response_status_code",
];

const EXPIRY: &str =
    "When a certificate expires, since 1970: `server` is the one that the API shows.";
const STATEMENT: &str =
    "How long database statements took, by their names, such as `customers.update`.";
const CONNECTIONS: &str = "Connections to the database: `requests`, or `work` for jobs and upkeep; `idle`, or `used` by a statement or transaction.";
const JOBS: &str = "Jobs in the queue: `waiting`, `running`, `handed_over`, `failed`. The whole queue, whichever process tells it.";
const LAST_SUCCESS: &str =
    "When upkeep last ended well, on whichever replica, since 1970; 0 before.";
const KEYS_MISSING: &str = "Rows whose data key is not there although nobody was erased, of the oldest and the newest hundred of a table.";
const KEY_AGE: &str = "How old the key is that is used first: `root` seals and indexes, `signing` signs access tokens, \
     `audit` signs checkpoints. A root key counts from when the database first saw it.";
const MEASURED: &str =
    "When this process last measured clock, queue, seal, schema and keys, since 1970.";
const BUILD: &str =
    "Always 1: the service, its version, the platform's, and the schema that it expects.";

const fn metric(
    name: &'static str,
    kind: Kind,
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
