//! What is remembered of each setting that was read: enough to show it and to document it, never a secret's value.

use std::{fmt, path::PathBuf};

/// One setting that the service reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The dotted name, as in `http.bind`.
    pub name: &'static str,
    /// The environment variable, as in `MAINSTAY_HTTP_BIND`.
    pub variable: String,
    /// The value as it may be shown: `[secret]` for a secret, `[unset]` when there is none, `[wrong]` when it cannot be
    /// read.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What holds when nothing is set.
    pub fallback: Fallback,
    /// What a value looks like, as in `true or false`.
    pub kind: &'static str,
    /// Whether the value is a secret: it is never shown, and `…_FILE` is read too.
    pub secret: bool,
    /// One sentence for the operator.
    pub help: &'static str,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was set.
    Default,
    /// A layer that a command handed in, by its label.
    Layer(&'static str),
    /// The environment variable.
    Variable,
    /// The file that the `…_FILE` variable names.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Layer(label) => f.write_str(label),
            Self::Variable => f.write_str("environment"),
            Self::File(path) => write!(f, "{path:?}"),
        }
    }
}

/// What holds when a setting is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as it is shown.
    Value(String),
    /// Nothing: what the setting turns on stays off.
    Unset,
    /// The service does not start.
    Required,
}
