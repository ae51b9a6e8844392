//! Values in the JSON form of a stored row.

use serde_json::Value as Json;

use crate::Error;

/// A text in JSON; empty if there is none.
pub(super) fn text<'a>(content: &'a Json, name: &str) -> &'a str {
    content.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// Parses a `bytea` in JSON, such as `\x0102`.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, Error> {
    text.strip_prefix("\\x")
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or_else(|| Error::internal("a sealed column does not contain bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_parsed_from_json() {
        assert_eq!(bytes("\\x00ff10").unwrap(), [0, 255, 16]);
        for wrong in ["00", "\\x0", "\\x0g", "\\xéé"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
