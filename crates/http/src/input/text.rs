//! What no text of a request may hold: bytes that are not UTF-8, and NUL, which Postgres cannot keep.

/// Whether a JSON text holds a NUL character in a string: written `\u0000`, since JSON allows no raw one.
pub(super) fn json_has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at..].starts_with(b"\\u0000") {
            return true;
        }
        // Skip what is escaped, so that an escaped backslash does not start an escape.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Whether a percent-encoded text has a `%` without two hexadecimal digits (RFC 3986 §2.1), is not UTF-8 once decoded, or
/// holds NUL.
pub(crate) fn has_bad_escape(encoded: &str) -> bool {
    let mut escapes = encoded.split('%').skip(1).map(str::as_bytes);
    if escapes.any(|behind| !matches!(behind, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())) {
        return true;
    }
    let decoded = percent_encoding::percent_decode_str(encoded);
    decoded.clone().any(|byte| byte == 0) || decoded.decode_utf8().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_and_an_escaped_backslash_is_not_nul() {
        assert!(json_has_nul(br#"{"a":"x\u0000"}"#));
        assert!(json_has_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!json_has_nul(br#"{"a":"\\u0000"}"#));
        assert!(!json_has_nul(br#"{"a":"\u00001"#.split_at(6).0));
        assert!(!json_has_nul(b"\\"));
    }

    #[test]
    fn escapes_that_are_no_text_are_found() {
        assert!(has_bad_escape("a=%00"));
        for broken in [
            "a=%ff", "a=%zz", "a=%a", "a=%", "%zz=a", "a=%C3", "a=%%41", "a=%4",
        ] {
            assert!(has_bad_escape(broken), "{broken}");
        }
        assert!(!has_bad_escape("a=%25zz"));
        assert!(!has_bad_escape("a=%C3%A9+b"));
    }
}
