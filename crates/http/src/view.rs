//! Views: types that may be part of a response.

use mainstay_kernel::{
    Bytes, Date, Decimal, EmailAddress, Id, Interval, JsonOf, NetworkAddress, TimeOfDay, Timestamp,
    Uuid,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A type that may be part of a response. `#[view]` implements it.
///
/// The types that columns hold are views already: texts, numbers, booleans, dates and times, ids,
/// choices and JSON.
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

plain_views! {
    String bool i16 i32 i64 u16 u32 u64 f32 f64 Decimal Date TimeOfDay Timestamp Interval Uuid
    EmailAddress NetworkAddress serde_json::Value
}

impl<const MOST: usize> View for Bytes<MOST> {
    const VERSIONED: bool = false;
}

impl<T: View> View for JsonOf<T> {
    const VERSIONED: bool = false;
}

impl<T> View for Id<T> {
    const VERSIONED: bool = false;
}
