//! The versions on which a change is based.

use sea_query::Value;

/// The versions that a change is based on, from the request's `If-Match` (RFC 9110 §13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Change the row at any version.
    Any,
    /// Change the row only at one of these versions; never if there are none.
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
