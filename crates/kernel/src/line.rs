//! One line of text that a person chooses: the name of an organization, an account, a key, a role
//! or an application.
//!
//! Names appear in e-mail, lists, logs and terminals. With a line break, an escape sequence or a
//! bidirectional control character, the author of a name could forge text of the service (OWASP
//! ASVS 1.3.3, 1.3.11; Unicode TR 36 §3). The rule follows the FreeformClass of RFC 8264 and the
//! trimming of RFC 8266.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One line of 1 to `MOST` characters, at least one of them visible.
///
/// It contains no control characters, no line or paragraph separators, no format characters and no
/// letters without a glyph. The two joiners that scripts and emoji need (U+200C, U+200D) are
/// allowed between two non-ASCII letters. Surrounding white space is accepted, counts towards the
/// length, and is removed. The length is in Unicode scalar values.
///
/// [`garde::Validate`] checks values from requests; use [`parse`](Self::parse) for other text.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Line<const MOST: usize>(String);

/// The reason why a text is not a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It is empty or too long.
    Length {
        /// The largest number of characters.
        most: usize,
    },
    /// It has only white space.
    Blank,
    /// It has a character that is not allowed, or a joiner that joins nothing.
    Character,
}

/// White space and non-ASCII letters that are allowed in a line, as classes of a regular
/// expression.
macro_rules! space {
    () => {
        r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
    };
}
macro_rules! letter {
    () => {
        concat!(
            r"[^\u0000-\u00a0\u00ad\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f",
            r"\u205f-\u206f\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb]"
        )
    };
}
macro_rules! visible {
    () => {
        concat!("[!-~]|", letter!(), r"(?:[\u200c\u200d]", letter!(), ")*")
    };
}

/// The rule as a regular expression of JSON Schema (ECMA-262, valid with and without the flag `u`).
/// It cannot cover characters beyond U+FFFF in a portable way; those that [`is_unprintable`] lists
/// are refused too.
pub const LINE_PATTERN: &str = concat!(
    "^",
    space!(),
    "*(?:",
    visible!(),
    ")(?:",
    space!(),
    "|",
    visible!(),
    ")*$"
);

impl<const MOST: usize> Line<MOST> {
    /// Parses a line and removes surrounding white space.
    ///
    /// # Errors
    /// [`LineError`], which does not quote the text.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let length = text.chars().count();
        if length == 0 || length > MOST {
            return Err(LineError::Length { most: MOST });
        }
        check_line(text)?;

        Ok(Self(text.trim().to_owned()))
    }

    /// The text, without surrounding white space.
    pub fn as_str(&self) -> &str {
        self.0.trim()
    }

    /// The text, without surrounding white space.
    pub fn into_string(self) -> String {
        self.as_str().to_owned()
    }
}

/// Checks the characters of a line, but not its length.
///
/// # Errors
/// [`LineError::Blank`] or [`LineError::Character`].
pub fn check_line(text: &str) -> Result<(), LineError> {
    let characters: Vec<char> = text.chars().collect();
    let joins = |position: usize| {
        let before = position
            .checked_sub(1)
            .and_then(|before| characters.get(before));
        [before, characters.get(position + 1)]
            .iter()
            .all(|neighbour| neighbour.is_some_and(|neighbour| is_joined(*neighbour)))
    };

    let is_refused = |(position, character): (usize, &char)| {
        if is_joiner(*character) {
            !joins(position)
        } else {
            is_unprintable(*character)
        }
    };
    if characters.iter().enumerate().any(is_refused) {
        return Err(LineError::Character);
    }

    if text.trim().is_empty() {
        Err(LineError::Blank)
    } else {
        Ok(())
    }
}

/// Replaces each character that is not allowed in a line by a space. For text that was stored
/// before this rule existed, or that comes from elsewhere.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) {
        text.replace(is_unprintable, " ").into()
    } else {
        text.into()
    }
}

/// Whether a character is not shown but affects the text around it or ends the line: control
/// characters, line and paragraph separators, format characters, and letters without a glyph.
///
/// The joiners U+200C and U+200D, which are parts of words and emoji, are not among them, nor are
/// the Arabic and Syriac signs that Unicode classifies as format characters although they are
/// visible.
pub fn is_unprintable(character: char) -> bool {
    let is_format = matches!(character,
        // Soft hyphen, direction marks, embeddings, overrides and isolates, invisible operators,
        // byte order mark, annotations.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // Shorthand and musical controls, and tags.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}');

    // Hangul fillers, Khmer inherent vowels and the empty Braille pattern.
    let is_blank = matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    );

    character.is_control() || is_format || is_blank
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Whether a joiner may be next to the character.
fn is_joined(character: char) -> bool {
    !character.is_ascii()
        && !character.is_whitespace()
        && !is_joiner(character)
        && !is_unprintable(character)
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { most } => write!(f, "expected 1 to {most} characters"),
            Self::Blank => f.write_str("expected at least one visible character"),
            Self::Character => {
                f.write_str("expected one line without control or format characters")
            }
        }
    }
}

impl std::error::Error for LineError {}

impl<const MOST: usize> garde::Validate for Line<MOST> {
    type Context = ();

    fn validate_into(
        &self,
        (): &(),
        path: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if let Err(error) = Self::parse(&self.0) {
            report.append(path(), garde::Error::new(error.to_string()));
        }
    }
}

impl<const MOST: usize> JsonSchema for Line<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MOST, "pattern": LINE_PATTERN })
    }
}

impl<const MOST: usize> Serialize for Line<MOST> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<const MOST: usize> fmt::Debug for Line<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const MOST: usize> PartialEq for Line<MOST> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const MOST: usize> Eq for Line<MOST> {}

#[cfg(test)]
mod tests {
    use super::*;

    type Name = Line<20>;

    #[test]
    fn a_valid_line_is_trimmed_and_otherwise_unchanged() {
        for right in [
            "Ada",
            "Société Générale",
            "株式会社\u{3000}例",
            "می\u{200c}خواهم",
            "👩\u{200d}💻 & ❤\u{fe0f}\u{200d}🔥",
            "O'Neil <b>",
        ] {
            assert_eq!(
                Name::parse(&format!(" {right}\u{a0}")).unwrap().as_str(),
                right
            );
        }
    }

    #[test]
    fn invalid_lines_are_refused() {
        for wrong in [
            "a\nb",
            "a\r",
            "\u{1b}[2J",
            "a\tb",
            "\u{9b}31m",
            "a\u{2028}b",
            "a\u{202e}b",
            "\u{2066}a",
            "\u{feff}a",
            "a\u{ad}b",
            "\u{3164}",
            "a\u{e0041}",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{200d}",
            "👩\u{200d}",
            "é\u{200c}\u{200c}é",
            "\0",
            "\u{7f}",
        ] {
            assert_eq!(Name::parse(wrong), Err(LineError::Character), "{wrong:?}");
        }

        for blank in [" ", "\u{3000}", "\u{a0}\u{2003}"] {
            assert_eq!(Name::parse(blank), Err(LineError::Blank), "{blank:?}");
        }

        for wrong in ["", &"é".repeat(21)] {
            assert_eq!(Name::parse(wrong), Err(LineError::Length { most: 20 }));
        }

        assert!(Name::parse(&"é".repeat(20)).is_ok());
    }

    /// For every character that the pattern can express, it agrees with the rule.
    #[test]
    fn the_pattern_of_the_schema_matches_the_rule() {
        let pattern = regex::Regex::new(LINE_PATTERN).unwrap();

        for letter in ('\0'..='\u{ffff}').chain(['💻', '\u{e0100}']) {
            for text in [
                letter.to_string(),
                format!("a{letter}b"),
                format!("é{letter}é"),
                format!(" {letter} "),
            ] {
                assert_eq!(
                    pattern.is_match(&text),
                    check_line(&text).is_ok(),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn one_line_replaces_unprintable_characters() {
        assert_eq!(
            one_line("Acme\n\n\u{1b}[31mYour\u{202e}account"),
            "Acme   [31mYour account"
        );
        assert_eq!(one_line("Acme 👩\u{200d}💻"), "Acme 👩\u{200d}💻");
    }
}
