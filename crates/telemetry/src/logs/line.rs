//! Formatting of a log line: JSON for machines, or plain text for people.
//!
//! Both formats escape values as in JSON, so that a value cannot end its line or look like a field.
//! Lines for people are short, to fit a terminal: they have the time of day, and target and ids
//! only for warnings, errors and debug events.

use std::{
    error::Error,
    fmt::{self, Debug, Write},
};

use mainstay_kernel::Timestamp;
use tracing::{
    Level, Metadata,
    field::{Field, Visit},
};

use super::correlation::Correlation;
use crate::{
    LogFormat,
    escape::Escaped,
    redaction::{REDACTED, is_secret},
};

/// Fields that short lines show without their names.
const UNNAMED: [&str; 3] = ["method", "route", "status"];

/// The format of lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Style {
    #[default]
    Json,
    Plain,
    Coloured,
}

impl Style {
    /// Returns the style for a format. Only lines for people are coloured, and only on a terminal.
    pub(super) fn new(format: LogFormat, colour: bool) -> Self {
        match (format, colour) {
            (LogFormat::Json, _) => Self::Json,
            (LogFormat::Pretty, false) => Self::Plain,
            (LogFormat::Pretty, true) => Self::Coloured,
        }
    }
}

/// A line and its buffers, whose memory is reused for the next line.
#[derive(Debug, Default)]
pub(super) struct Line {
    style: Style,
    /// Whether target and ids are omitted: in lines for people at info level.
    is_short: bool,
    /// The line up to and including the message.
    head: String,
    /// The fields, which are written after the message.
    fields: String,
    /// Whether the event itself has these ids, so that they are not taken from its span.
    has_request_id: bool,
    has_trace_id: bool,
}

impl Line {
    /// Starts the line with time, level and target.
    pub(super) fn begin(&mut self, style: Style, now: Timestamp, metadata: &Metadata<'_>) {
        let (mut head, mut fields) = (
            std::mem::take(&mut self.head),
            std::mem::take(&mut self.fields),
        );
        head.clear();
        fields.clear();

        *self = Self {
            style,
            head,
            fields,
            ..Self::default()
        };

        let (level, target) = (metadata.level(), metadata.target());
        self.is_short = !matches!(style, Style::Json) && *level == Level::INFO;

        match style {
            Style::Json => {
                self.head.push_str("{\"timestamp\":\"");
                write_time(&mut self.head, now);
                self.head.push_str("\",\"level\":\"");
                self.head.push_str(level.as_str());
                self.head.push_str("\",\"target\":\"");
                let _ = Escaped(&mut self.head).write_str(target);
                self.head.push('"');
            }
            Style::Plain | Style::Coloured => {
                write_time_of_day(&mut self.head, now);
                let _ = match style {
                    Style::Coloured => {
                        write!(self.head, " \x1b[{}m{level:5}\x1b[0m", colour_of(*level))
                    }
                    _ => write!(self.head, " {level:5}"),
                };
                if !self.is_short {
                    let _ = write!(Escaped(&mut self.head), " {target}:");
                }
            }
        }
    }

    /// Adds the ids of the request and the trace, unless the event has its own.
    pub(super) fn correlate(&mut self, ids: &Correlation) {
        if self.is_short {
            return;
        }
        if let Some(id) = ids.request_id.as_ref().filter(|_| !self.has_request_id) {
            self.text("request_id", format_args!("{id}"));
        }
        if let Some(id) = ids.trace_id.as_ref().filter(|_| !self.has_trace_id) {
            self.text("trace_id", format_args!("{id}"));
        }
    }

    /// Completes the line with a line break.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.head.push_str(&self.fields);
        self.head.push_str(if matches!(self.style, Style::Json) {
            "}\n"
        } else {
            "\n"
        });
        self.head.as_bytes()
    }

    /// The size of the buffers, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.head.capacity() + self.fields.capacity()
    }

    fn message(&mut self, message: &dyn Debug) {
        // If a `Debug` implementation fails, the text written so far remains, here and below.
        let _ = match self.style {
            Style::Json => {
                self.head.push_str(",\"message\":\"");
                let written = write!(Escaped(&mut self.head), "{message:?}");
                self.head.push('"');
                written
            }
            Style::Plain | Style::Coloured => write!(Escaped(&mut self.head), " {message:?}"),
        };
    }

    /// Writes a text field. Redacts it if its name looks secret.
    fn text(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if self.is_unnamed(name) {
            return self.unnamed(value);
        }

        self.name(name);
        self.fields.push('"');
        let _ = match is_secret(name) {
            true => self.fields.write_str(REDACTED),
            false => Escaped(&mut self.fields).write_fmt(value),
        };
        self.fields.push('"');
    }

    /// Writes a field that is a number or a boolean: JSON has the same syntax as Rust.
    fn bare(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if is_secret(name) || self.is_unnamed(name) {
            return self.text(name, value);
        }

        self.name(name);
        let _ = self.fields.write_fmt(value);
    }

    fn is_unnamed(&self, name: &str) -> bool {
        self.is_short && UNNAMED.contains(&name)
    }

    /// Writes a value without its name. Spaces are escaped, so that it looks like one value.
    fn unnamed(&mut self, value: fmt::Arguments<'_>) {
        self.fields.push(' ');
        let start = self.fields.len();
        let _ = Escaped(&mut self.fields).write_fmt(value);

        if self.fields[start..].contains([' ', '=']) {
            let escaped = self
                .fields
                .split_off(start)
                .replace(' ', "\\u0020")
                .replace('=', "\\u003d");
            self.fields.push_str(&escaped);
        }
    }

    fn name(&mut self, name: &str) {
        match name {
            "request_id" => self.has_request_id = true,
            "trace_id" => self.has_trace_id = true,
            _ => {}
        }

        // JSON readers differ in how they treat repeated names, so an event's field must not repeat
        // one of the line.
        let prefix = if matches!(name, "timestamp" | "level" | "target") {
            "event."
        } else {
            ""
        };

        match self.style {
            Style::Json => {
                self.fields.push_str(",\"");
                self.fields.push_str(prefix);
                let _ = Escaped(&mut self.fields).write_str(name);
                self.fields.push_str("\":");
            }
            Style::Plain | Style::Coloured => {
                let _ = write!(Escaped(&mut self.fields), " {prefix}{name}=");
            }
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message(value),
            name => self.text(name, format_args!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message(&format_args!("{value}")),
            name => self.text(name, format_args!("{value}")),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field.name(), format_args!("{}", Chain(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON cannot represent infinity and NaN.
        match value.is_finite() {
            true => self.bare(field.name(), format_args!("{value}")),
            false => self.text(field.name(), format_args!("{value}")),
        }
    }
}

/// An error with its chain of sources.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }

        Ok(())
    }
}

/// Writes the time in RFC 3339, in UTC with microseconds.
fn write_time(into: &mut String, now: Timestamp) {
    let now = now.inner();
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let (hour, minute, second, micros) = now.to_hms_micro();
    let _ = write!(
        into,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    );
}

/// Writes the time of day in UTC, to the second.
fn write_time_of_day(into: &mut String, now: Timestamp) {
    let (hour, minute, second) = now.inner().to_hms();
    let _ = write!(into, "{hour:02}:{minute:02}:{second:02}");
}

/// The terminal colour of a level (ECMA-48, select graphic rendition).
fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}
