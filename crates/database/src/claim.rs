//! The claim of one unique value.

use sea_query::Value;

/// A value of a unique column, under every key of the ring.
#[doc(hidden)]
pub struct Claim {
    /// The index column.
    pub(crate) column: &'static str,
    /// The indexes; none for a null value.
    pub(crate) digests: Vec<Value>,
}
