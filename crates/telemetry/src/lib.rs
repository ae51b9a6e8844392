//! Telemetry: logs, traces and metrics, none of which may contain secrets.
//!
//! [`start`] installs all three for the whole process. After that, code uses `tracing` for events
//! and spans, and [`metrics`] for numbers.
//!
//! - Logs go to standard output, one line per event, for the platform to collect (OWASP ASVS 5.0,
//!   16.4.3).
//! - Spans go to an OpenTelemetry collector when `telemetry.otlp_endpoint` is set.
//! - Metrics are rendered in the Prometheus text format by [`Telemetry::render_metrics`]; the crate
//!   `http` serves them.
//!
//! A value whose field name looks secret is written as `[redacted]`, in logs and in spans. This is
//! the second line of defence: types with secrets hide them in their own `Debug`. The log is not
//! the audit log: lines may be lost.

mod escape;
mod logs;
pub mod metrics;
mod parent;
mod process;
mod redaction;
mod settings;
mod start;
mod telemetry_error;
mod traces;
mod verbosity;

pub use parent::{Parent, parent_of};
pub use settings::{CollectorUrl, LogFilter, LogFormat, Settings};
pub use start::{Telemetry, start};
pub use telemetry_error::TelemetryError;
