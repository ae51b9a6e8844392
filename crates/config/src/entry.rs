//! The record of each setting that was read, for display and documentation. It never contains the
//! value of a secret.

use std::{fmt, path::PathBuf};

/// One setting that the service reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The dotted name, such as `http.bind`.
    pub name: &'static str,
    /// The environment variable, such as `MAINSTAY_HTTP_BIND`.
    pub variable: String,
    /// The value to display: `[secret]` for a secret, `[unset]` without a value, `[wrong]` for one
    /// that cannot be parsed.
    pub value: String,
    /// Where the value came from.
    pub origin: SettingOrigin,
    /// What applies if nothing is set.
    pub fallback: Fallback,
    /// The expected form of a value, such as `true or false`.
    pub kind: &'static str,
    /// Whether the value is a secret: it is never displayed, and may also come from `…_FILE`.
    pub secret: bool,
    /// One sentence for the operator.
    pub help: &'static str,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// The default.
    Default,
    /// A layer of a command, by its label.
    Layer(&'static str),
    /// The environment variable.
    Variable,
    /// The file in the `…_FILE` variable.
    File(PathBuf),
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Layer(label) => f.write_str(label),
            Self::Variable => f.write_str("environment"),
            Self::File(path) => write!(f, "{path:?}"),
        }
    }
}

/// What applies if a setting is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// This value, in its display form.
    Value(String),
    /// Nothing: the feature stays off.
    Unset,
    /// The service does not start.
    Required,
}
