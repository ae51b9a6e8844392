//! Cursors and sizes of pages.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The position where a page ended. It is encrypted, so that clients can neither read nor forge it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cursor(pub(crate) String);

/// Maximum length of a cursor, in characters.
const MAX_LENGTH: usize = 2_048;

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(de::Error::custom(format!(
                "expected a cursor of 1 to {MAX_LENGTH} characters"
            )));
        }

        Ok(Self(text))
    }
}

impl JsonSchema for Cursor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_LENGTH,
            "description": "The `next_cursor` of the previous page, for the same sort order and filters.",
        })
    }
}

/// Maximum number of items per page: 1 to 100, default 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    const MAX: u8 = 100;

    /// The greatest limit.
    pub(crate) const MOST: Self = Self(Self::MAX);

    /// The number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            number @ 1..=100 => Ok(Self(u8::try_from(number).unwrap_or(Self::MAX))),
            _ => Err(de::Error::custom(format!(
                "expected a number from 1 to {}",
                Self::MAX
            ))),
        }
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX, "default": 50 })
    }
}

impl garde::Validate for Cursor {
    type Context = ();

    /// Validated by `deserialize`.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

impl garde::Validate for Limit {
    type Context = ();

    /// Validated by `deserialize`.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}
