//! Detection of text that is refused: invalid UTF-8, and NUL, which Postgres cannot store.

/// Whether a JSON text contains a NUL character in a string. JSON allows it only as `\u0000`.
pub(super) fn json_has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at..].starts_with(b"\\u0000") {
            return true;
        }
        // Skips the escaped character, because an escaped backslash does not start an escape.
        rest = rest.get(at + 2..).unwrap_or_default();
    }

    false
}

/// Whether a percent-encoded text has a `%` without two hexadecimal digits (RFC 3986 §2.1), or
/// decodes to invalid UTF-8 or NUL.
pub(crate) fn has_bad_escape(encoded: &str) -> bool {
    let starts_with_hex =
        |text: &[u8]| text.len() >= 2 && text[..2].iter().all(u8::is_ascii_hexdigit);
    let mut escapes = encoded.split('%').skip(1).map(str::as_bytes);
    if escapes.any(|escape| !starts_with_hex(escape)) {
        return true;
    }

    let decoded = percent_encoding::percent_decode_str(encoded);
    decoded.clone().any(|byte| byte == 0) || decoded.decode_utf8().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_found_but_not_an_escaped_backslash() {
        assert!(json_has_nul(br#"{"a":"x\u0000"}"#));
        assert!(json_has_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!json_has_nul(br#"{"a":"\\u0000"}"#));
        assert!(!json_has_nul(br#"{"a":"\u00001"#.split_at(6).0));
        assert!(!json_has_nul(b"\\"));
    }

    #[test]
    fn invalid_escapes_are_found() {
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
