//! The fields of a merge patch.

use std::borrow::Cow;

use garde::{
    Validate,
    error::NoKey,
    rules::{
        self,
        inner::Inner,
        pattern::{Matcher, Pattern},
        range::{Bounds, OutOfBounds},
    },
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A field of a merge patch (RFC 7396). An absent field is left unchanged. `null` removes the value
/// of a `Patch<Option<T>>`; a plain `Patch<T>` refuses it. Declare the field with
/// `#[serde(default)]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd)]
pub enum Patch<T> {
    /// The field is not in the patch.
    #[default]
    Absent,
    /// The new value of the field.
    Set(T),
}

impl<T> Patch<T> {
    /// Transforms the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }
}

impl<T> From<Patch<T>> for Option<T> {
    fn from(patch: Patch<T>) -> Self {
        match patch {
            Patch::Absent => None,
            Patch::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Set)
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Validate> Validate for Patch<T> {
    type Context = T::Context;

    fn validate_into(
        &self,
        context: &Self::Context,
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if let Self::Set(value) = self {
            value.validate_into(context, parent, report);
        }
    }
}

/// Applies a rule to the new value. An absent field satisfies every rule, as `None` does.
macro_rules! rules {
    ($($rule:path { fn $method:ident($($argument:ident: $type:ty),*) -> $answer:ty = $absent:expr })*) => {$(
        impl<T: $rule> $rule for Patch<T> {
            fn $method(&self, $($argument: $type),*) -> $answer {
                match self {
                    Self::Absent => $absent,
                    Self::Set(value) => value.$method($($argument),*),
                }
            }
        }
    )*};
}

rules! {
    rules::length::simple::Simple { fn validate_length(min: usize, max: usize) -> Result<(), garde::Error> = Ok(()) }
    rules::length::bytes::Bytes { fn validate_num_bytes(min: usize, max: usize) -> Result<(), garde::Error> = Ok(()) }
    rules::length::chars::Chars { fn validate_num_chars(min: usize, max: usize) -> Result<(), garde::Error> = Ok(()) }
    rules::ascii::Ascii { fn validate_ascii() -> bool = true }
    rules::alphanumeric::Alphanumeric { fn validate_alphanumeric() -> bool = true }
    rules::contains::Contains { fn validate_contains(pattern: &str) -> bool = true }
    rules::prefix::Prefix { fn validate_prefix(pattern: &str) -> bool = true }
    rules::suffix::Suffix { fn validate_suffix(pattern: &str) -> bool = true }
}

impl<T: Bounds> Bounds for Patch<T> {
    type Size = T::Size;

    const MIN: T::Size = T::MIN;
    const MAX: T::Size = T::MAX;

    fn validate_bounds(&self, least: T::Size, most: T::Size) -> Result<(), OutOfBounds> {
        match self {
            Self::Absent => Ok(()),
            Self::Set(value) => value.validate_bounds(least, most),
        }
    }
}

impl<T: Pattern> Pattern for Patch<T> {
    fn validate_pattern<M: Matcher>(&self, matcher: &M) -> bool {
        match self {
            Self::Absent => true,
            Self::Set(value) => value.validate_pattern(matcher),
        }
    }
}

impl<T> Inner<T> for Patch<T> {
    type Key = NoKey;

    fn validate_inner<F: FnMut(&T, &NoKey)>(&self, mut check: F) {
        if let Self::Set(value) = self {
            check(value, &NoKey::default());
        }
    }
}
