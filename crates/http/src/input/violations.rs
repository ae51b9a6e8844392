use std::borrow::Cow;

use garde::Validate;
use serde_path_to_error::{Path, Segment};

use crate::{FieldError, INVALID_INPUT, MALFORMED, Problem};

/// Checks the rules of a value that was read, and names every one that is broken.
pub(super) fn checked<T: Validate<Context = ()>>(location: &'static str, value: T) -> Result<T, Problem> {
    match value.validate() {
        Ok(()) => Ok(value),
        Err(report) => Err(INVALID_INPUT.problem().errors(report.iter().map(|(path, error)| FieldError {
            location: location.into(),
            pointer: rule_pointer(&path.to_string()),
            detail: error.message().to_owned(),
        }))),
    }
}

/// A value of the wrong type, an unknown, a missing or a repeated field.
pub(super) fn unreadable(location: impl Into<Cow<'static, str>>, path: &Path, detail: &str) -> Problem {
    let mut pointer = type_pointer(path);
    if let Some(field) = named_field(detail)
        && !pointer.ends_with(&format!("/{field}"))
    {
        pointer = format!("{pointer}/{}", escaped(field));
    }
    // What is there twice has no one meaning: parsers differ in which of them they take (OWASP ASVS 1.5.3, 15.3.7).
    let kind = if detail.starts_with("duplicate field") { MALFORMED } else { INVALID_INPUT };
    kind.problem().errors([FieldError { location: location.into(), pointer, detail: detail.to_owned() }])
}

/// garde writes `lines[0].text`; a JSON Pointer is `/lines/0/text`.
fn rule_pointer(path: &str) -> String {
    path.split(['.', '[', ']']).filter(|part| !part.is_empty()).map(|part| format!("/{}", escaped(part))).collect()
}

fn type_pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{}", escaped(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// serde names a missing, unknown or repeated field only in its message.
fn named_field(detail: &str) -> Option<&str> {
    ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|opening| detail.strip_prefix(opening)?.split('`').next())
}

/// RFC 6901 §3.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_json_pointers() {
        assert_eq!(rule_pointer("lines[0].text"), "/lines/0/text");
        assert_eq!(rule_pointer(""), "");
        assert_eq!(escaped("a/b~c"), "a~1b~0c");
    }

    #[test]
    fn the_field_is_read_from_the_message() {
        assert_eq!(named_field("missing field `email` at line 1 column 2"), Some("email"));
        assert_eq!(named_field("invalid type: string"), None);
    }
}
