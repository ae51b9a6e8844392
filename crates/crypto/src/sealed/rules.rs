//! The rules of garde on sealed values, so that `#[garde(range(min = 0))]` works on a
//! `Sealed<i64>`. They check the value and never show it.

use std::cmp::Ordering;

use garde::{
    error::NoKey,
    rules::{
        self,
        inner::Inner,
        pattern::{Matcher, Pattern},
        range::{Bounds, OutOfBounds},
    },
};

use super::Sealed;

macro_rules! rules {
    ($($rule:path { fn $method:ident($($argument:ident: $type:ty),*) -> $answer:ty })*) => {$(
        impl<T: $rule> $rule for Sealed<T> {
            fn $method(&self, $($argument: $type),*) -> $answer {
                self.0.$method($($argument),*)
            }
        }
    )*};
}

rules! {
    rules::length::simple::Simple { fn validate_length(min: usize, max: usize) -> Result<(), garde::Error> }
    rules::length::bytes::Bytes { fn validate_num_bytes(min: usize, max: usize) -> Result<(), garde::Error> }
    rules::length::chars::Chars { fn validate_num_chars(min: usize, max: usize) -> Result<(), garde::Error> }
    rules::ascii::Ascii { fn validate_ascii() -> bool }
    rules::alphanumeric::Alphanumeric { fn validate_alphanumeric() -> bool }
    rules::contains::Contains { fn validate_contains(pattern: &str) -> bool }
    rules::prefix::Prefix { fn validate_prefix(pattern: &str) -> bool }
    rules::suffix::Suffix { fn validate_suffix(pattern: &str) -> bool }
}

/// Sealed values have no order that code could see: they are equal, or not comparable. The trait is
/// what [`Bounds`] requires.
impl<T: PartialEq> PartialOrd for Sealed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl<T: Bounds> Bounds for Sealed<T> {
    type Size = T::Size;

    const MIN: T::Size = T::MIN;
    const MAX: T::Size = T::MAX;

    fn validate_bounds(&self, least: T::Size, most: T::Size) -> Result<(), OutOfBounds> {
        self.0.validate_bounds(least, most)
    }
}

impl<T: Pattern> Pattern for Sealed<T> {
    fn validate_pattern<M: Matcher>(&self, matcher: &M) -> bool {
        self.0.validate_pattern(matcher)
    }
}

impl<T> Inner<T> for Sealed<T> {
    type Key = NoKey;

    fn validate_inner<F: FnMut(&T, &NoKey)>(&self, mut check: F) {
        check(&self.0, &NoKey::default());
    }
}
