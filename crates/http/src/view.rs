//! Views: types that may be part of a response.

use mainstay_database::Uuid;
use mainstay_kernel::{Id, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// A type that may be part of a response. `#[view]` implements it.
///
/// Strings, numbers, booleans, timestamps, ids and choices are views already.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view",
    note = "write `#[view]` above the type"
)]
pub trait View: Serialize + JsonSchema {
    /// Whether the resource has a version, and so an `ETag`.
    const VERSIONED: bool;

    /// The resource's id, as it appears in its path.
    fn id(&self) -> Option<String> {
        None
    }

    /// The resource's version, for the `ETag`.
    fn version(&self) -> Option<i64> {
        None
    }
}

macro_rules! plain_views {
    ($($type:ty)*) => {$(
        impl View for $type {
            const VERSIONED: bool = false;
        }
    )*};
}

plain_views! { String bool i16 i32 i64 u16 u32 u64 f64 Timestamp Uuid }

impl<T> View for Id<T> {
    const VERSIONED: bool = false;
}
