//! What the service tells its operator: log lines, traces and metrics, none of which may hold a secret.
//!
//! [`start`] installs all three for the whole process. After that, code uses `tracing` for events and spans and
//! [`metrics`] for numbers; it need not know where they go.
//!
//! - Logs go to standard output, one line per event, for the platform to collect (OWASP ASVS 5.0, 16.4.3).
//! - Spans go to an OpenTelemetry collector when `telemetry.otlp_endpoint` is set.
//! - Metrics are rendered in the Prometheus text format by [`Telemetry::render_metrics`]; serving them is `http`'s.
//!
//! A value whose field name looks secret is written as `[redacted]`, in logs and in spans. That is the second line of
//! defence: types that hold secrets hide them in their own `Debug`. This is not the audit log: lines may be lost.

mod escape;
mod logs;
pub mod metrics;
mod parent;
mod process;
mod redaction;
mod settings;
mod start;
mod traces;
mod verbosity;

pub use parent::{Parent, parent_of};
pub use settings::{CollectorUrl, LogFilter, LogFormat, Settings};
pub use start::{Telemetry, TelemetryError, start};
