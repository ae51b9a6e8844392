//! The settings of telemetry.

use http::Uri;
use mainstay_config::{Ratio, Reader, Setting};
use tracing_subscriber::EnvFilter;

/// The settings of logs and traces.
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
                "The format of log lines: json for machines, pretty for people.",
            ),
            log_filter: reader.or(
                "telemetry.log_filter",
                LogFilter("info,sqlx=error".to_owned()),
                "Which events are logged, by level and target.",
            ),
            otlp_endpoint: reader.optional(
                "telemetry.otlp_endpoint",
                "OpenTelemetry collector that receives spans over OTLP/HTTP; none are sent if unset.",
            ),
            sample_ratio: reader.or("telemetry.sample_ratio", Ratio::ALL, "The share of traces that is exported."),
            service_name: reader.or(
                "telemetry.service_name",
                "mainstay".to_owned(),
                "The name of the service in traces.",
            ),
        }
    }
}

/// The format of log lines.
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

/// Which events are logged, as directives of `tracing_subscriber`'s [`EnvFilter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Compiles the filter. Parsing cannot lose directives, because the text has been parsed
    /// before.
    pub(crate) fn compile(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.0)
    }

    /// Creates a filter from a text that is known to be valid.
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

/// The base URL of a collector that accepts OTLP over HTTP, such as `http://localhost:4318`.
///
/// It has no TLS: the collector runs next to the service, and sends spans across the network
/// itself. Credentials in the URL are refused, because settings are displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorUrl(String);

impl CollectorUrl {
    /// The URL for spans: the base URL with the path of the OTLP specification.
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

        // `Uri` silently drops a fragment.
        if uri.scheme_str() != Some("http") || has_credentials || text.contains(['?', '#']) {
            return Err("is not the URL of a collector".to_owned());
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
    fn the_path_for_spans_is_appended() {
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
    fn invalid_urls_are_refused() {
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
    fn filters_and_formats_are_validated() {
        assert!(LogFilter::parse("warn,mainstay_http=debug").is_ok());
        assert!(LogFilter::parse("mainstay=loud").is_err());
        assert!(LogFilter::parse(" ").is_err());
        assert!(LogFormat::parse("xml").is_err());
    }
}
