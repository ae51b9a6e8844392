//! The traits of values with one canonical text.

use std::fmt;

/// A text that is not a value of its type. It never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidText {
    /// What was expected, such as `a date such as 2001-12-31`.
    pub expected: &'static str,
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for InvalidText {}

/// Implements `FromStr`, `Debug`, serde, JSON Schema and garde for a type with `parse` and
/// `Display`.
macro_rules! text_form {
    (
        impl $type:ident $(<const $parameter:ident: $of:ty>)?,
        named $name:literal,
        expected $expected:expr,
        schema $schema:expr
    ) => {
        impl $(<const $parameter: $of>)? std::str::FromStr for $type $(<$parameter>)? {
            type Err = crate::InvalidText;

            fn from_str(text: &str) -> Result<Self, crate::InvalidText> {
                Self::parse(text).ok_or(crate::InvalidText { expected: $expected })
            }
        }

        impl $(<const $parameter: $of>)? std::fmt::Debug for $type $(<$parameter>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl $(<const $parameter: $of>)? serde::Serialize for $type $(<$parameter>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de $(, const $parameter: $of)?> serde::Deserialize<'de> for $type $(<$parameter>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl $(<const $parameter: $of>)? schemars::JsonSchema for $type $(<$parameter>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }

        impl $(<const $parameter: $of>)? garde::Validate for $type $(<$parameter>)? {
            type Context = ();

            /// Accepts every value: parsing has checked it already.
            fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
        }
    };
}

pub(super) use text_form;
