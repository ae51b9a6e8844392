//! Escaping of untrusted text in log lines, so that it can neither end the line nor control the
//! terminal (OWASP ASVS 5.0, 16.4.1).

use std::fmt;

/// Writes formatted text as the content of a JSON string (RFC 8259 §7).
///
/// In addition to JSON's rules, it escapes characters that terminals or viewers interpret: DEL and
/// the C1 controls, line and paragraph separators, and bidirectional control characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly all text needs no escaping and is copied at once.
        if text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
        {
            self.0.push_str(text);
            return Ok(());
        }

        let mut rest = text;
        while let Some((position, character)) = rest
            .char_indices()
            .find(|(_, character)| needs_escape(*character))
        {
            self.0.push_str(&rest[..position]);
            match character {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                // All of them are below U+10000, so four digits suffice.
                other => write!(self.0, "\\u{:04x}", u32::from(other))?,
            }
            rest = &rest[position + character.len_utf8()..];
        }

        self.0.push_str(rest);

        Ok(())
    }
}

fn needs_escape(character: char) -> bool {
    match character {
        '"' | '\\' => true,
        ' '..='~' => false,
        '\u{2028}'
        | '\u{2029}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut into = String::new();
        write!(Escaped(&mut into), "{text}").unwrap();
        into
    }

    #[test]
    fn escaped_text_round_trips_through_json() {
        let every_character: String = (0..0x3000)
            .chain(0x1f600..0x1f610)
            .filter_map(char::from_u32)
            .collect();
        let json = format!("\"{}\"", escaped(&every_character));
        assert_eq!(
            serde_json::from_str::<String>(&json).unwrap(),
            every_character
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        let hostile = "a\r\nb\u{1b}[2Jc\u{9b}31md\u{7f}e\u{2028}f\u{202e}g\0";
        let harmless = escaped(hostile);
        assert_eq!(
            harmless,
            r"a\r\nb\u001b[2Jc\u009b31md\u007fe\u2028f\u202eg\u0000"
        );
    }
}
