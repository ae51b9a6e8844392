//! Text from outside on a log line: it can neither end the line nor speak to the terminal that shows it (OWASP ASVS 5.0,
//! 16.4.1).

use std::fmt;

/// Writes what is formatted into it as the inside of a JSON string (RFC 8259 §7).
///
/// Beyond what JSON asks for, it escapes whatever a terminal or a viewer may act on: DEL and the C1 controls, the line
/// and paragraph separators, and the marks that turn the direction of text.
pub(crate) struct Escaped<'a>(pub(crate) &'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        // Nearly all text is plain, and is copied in one piece.
        if text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
        {
            self.0.push_str(text);
            return Ok(());
        }

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
                // All of them are below U+10000, so four digits do.
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
    fn what_a_json_reader_reads_is_what_was_written() {
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
    fn nothing_that_acts_on_a_terminal_is_left() {
        let hostile = "a\r\nb\u{1b}[2Jc\u{9b}31md\u{7f}e\u{2028}f\u{202e}g\0";
        let harmless = escaped(hostile);
        assert_eq!(
            harmless,
            r"a\r\nb\u001b[2Jc\u009b31md\u007fe\u2028f\u202eg\u0000"
        );
    }
}
