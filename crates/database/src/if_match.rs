//! The condition of a change: the versions that it builds upon.

use sea_query::Value;

/// The version that a change builds upon, from the request's `If-Match` (RFC 9110 §13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Change the row whatever its version.
    Any,
    /// Change it only if it is at one of these versions; of none, never.
    Versions(Vec<i64>),
}

impl IfMatch {
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Any => None::<Vec<i64>>.into(),
            Self::Versions(versions) => Some(versions.clone()).into(),
        }
    }

    /// Whether a row at this version may be changed.
    pub fn allows(&self, current: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&current),
        }
    }
}
