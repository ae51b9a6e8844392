//! The settings of this crate, each checked when it is read.

use http::Uri;
use mainstay_config::{Ratio, Reader, Setting};
use tracing_subscriber::EnvFilter;

/// How the service tells what it does.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) log_format: LogFormat,
    pub(crate) log_filter: LogFilter,
    pub(crate) otlp_endpoint: Option<CollectorUrl>,
    pub(crate) sample_ratio: Ratio,
    pub(crate) service_name: String,
}

impl Settings {
    /// Reads the `telemetry.…` settings.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            log_format: reader.or(
                "telemetry.log_format",
                LogFormat::Json,
                "How a log line is written: json for machines, pretty for people.",
            ),
            log_filter: reader.or(
                "telemetry.log_filter",
                LogFilter("info,sqlx=error".to_owned()),
                "Which events become log lines, by level and target.",
            ),
            otlp_endpoint: reader.optional(
                "telemetry.otlp_endpoint",
                "OpenTelemetry collector to which spans are sent over OTLP/HTTP; without it nothing is sent.",
            ),
            sample_ratio: reader.or("telemetry.sample_ratio", Ratio::ALL, "The share of traces that is sent."),
            service_name: reader.or(
                "telemetry.service_name",
                "mainstay".to_owned(),
                "The name of the service in its traces.",
            ),
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line of plain text, for a developer's terminal.
    Pretty,
}

impl Setting for LogFormat {
    const KIND: &'static str = "json or pretty";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("is not a log format".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
        .to_owned()
    }
}

/// Which events become log lines, in the directives of `tracing_subscriber`'s [`EnvFilter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter itself. The text was read once already, so nothing in it is left out.
    pub(crate) fn compile(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.0)
    }

    /// A filter that was made from one that was read.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for LogFilter {
    const KIND: &'static str =
        "a level, or levels by target, such as info or warn,mainstay_http=debug";

    fn parse(text: &str) -> Result<Self, String> {
        match EnvFilter::builder().parse(text) {
            Ok(_) if !text.trim().is_empty() => Ok(Self(text.to_owned())),
            _ => Err("is not a log filter".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// The base URL of a collector that takes OTLP over HTTP, as in `http://localhost:4318`.
///
/// Without TLS: a collector stands beside the service, and it is the collector that sends spans across a network.
/// Credentials in the URL are refused, for it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorUrl(String);

impl CollectorUrl {
    /// Where spans are posted: the path that the OTLP specification appends to a base URL.
    pub(crate) fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl Setting for CollectorUrl {
    const KIND: &'static str =
        "an http:// URL without credentials, query or fragment, such as http://localhost:4318";

    fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| "is not a URL")?;
        let has_credentials = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        // `Uri` drops a fragment silently.
        if uri.scheme_str() != Some("http") || has_credentials || text.contains(['?', '#']) {
            return Err("is not a collector's URL".to_owned());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_default() {
        let mut reader = Reader::new([]);
        let settings = Settings::read(&mut reader);
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(
            (settings.log_format, settings.otlp_endpoint),
            (LogFormat::Json, None)
        );
        assert_eq!(settings.log_filter.compile().to_string(), "sqlx=error,info");
    }

    #[test]
    fn the_path_of_traces_is_appended_once() {
        for text in ["http://collector:4318", "http://collector:4318/"] {
            assert_eq!(
                CollectorUrl::parse(text).map(|url| url.traces()),
                Ok("http://collector:4318/v1/traces".into())
            );
        }
        let nested = CollectorUrl::parse("http://collector/otlp/").map(|url| url.traces());
        assert_eq!(nested, Ok("http://collector/otlp/v1/traces".into()));
    }

    #[test]
    fn urls_that_would_not_work_are_refused() {
        for text in [
            "",
            "/v1",
            "collector:4318",
            "https://collector",
            "http://a:b@collector",
            "http://c/?x",
            "http://c#x",
        ] {
            assert!(CollectorUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_is_checked_when_it_is_read() {
        assert!(LogFilter::parse("warn,mainstay_http=debug").is_ok());
        assert!(LogFilter::parse("mainstay=loud").is_err());
        assert!(LogFilter::parse(" ").is_err());
        assert!(LogFormat::parse("xml").is_err());
    }
}
