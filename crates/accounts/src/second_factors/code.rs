//! Codes as people type them: of an authenticator app, or recovery codes.

use std::borrow::Cow;

use garde::Validate;
use mainstay_crypto::token_digest;
use mainstay_kernel::{ExposeSecret as _, Random, SecretString};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A code in a request: the six digits of an app, or a recovery code. Letter case, spaces and
/// hyphens do not matter.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Code(SecretString);

/// The kind of a code.
pub(crate) enum Shape {
    /// The six digits of an authenticator app.
    Totp(SecretString),
    /// The hash of a recovery code.
    Recovery(Vec<u8>),
}

/// Number of digits of an app's code.
const TOTP_LENGTH: usize = 6;

/// Number of characters of a recovery code. At five bits each they have 125 bits, so a plain
/// SHA-256 is safe to store (OWASP ASVS 6.5.2 requires 112 bits).
const RECOVERY_LENGTH: usize = 25;
const GROUP: usize = 5;

/// Crockford's Base32, without characters that look alike.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Maximum length of a code, including spaces and hyphens.
const MAX_LENGTH: usize = 40;

impl Code {
    /// Determines the kind of the code.
    pub(crate) fn shape(&self) -> Shape {
        let characters: String = self
            .0
            .expose_secret()
            .chars()
            .filter(|it| !it.is_whitespace() && *it != '-')
            .collect();

        if characters.len() == TOTP_LENGTH && characters.bytes().all(|it| it.is_ascii_digit()) {
            Shape::Totp(characters.into())
        } else {
            Shape::Recovery(hash(&characters))
        }
    }
}

/// Generates a recovery code, with hyphens for legibility, and its hash.
pub(crate) fn fresh_recovery_code(random: &Random) -> (String, Vec<u8>) {
    let characters: String = random
        .bytes::<RECOVERY_LENGTH>()
        .iter()
        .map(|byte| char::from(character(*byte)))
        .collect();

    let mut grouped = String::with_capacity(RECOVERY_LENGTH + RECOVERY_LENGTH / GROUP);
    for (position, character) in characters.char_indices() {
        if position > 0 && position % GROUP == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }

    (grouped, hash(&characters))
}

fn character(byte: u8) -> u8 {
    ALPHABET[usize::from(byte & 31)]
}

/// Hashes a recovery code. Characters that people confuse are treated as equal.
fn hash(characters: &str) -> Vec<u8> {
    let plain = |character: char| match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    token_digest(characters.chars().map(plain).collect::<String>().as_bytes()).to_vec()
}

impl Validate for Code {
    type Context = ();

    fn validate_into(
        &self,
        (): &(),
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if !(TOTP_LENGTH..=MAX_LENGTH).contains(&self.0.expose_secret().chars().count()) {
            report.append(
                parent(),
                garde::Error::new(format!("expected {TOTP_LENGTH} to {MAX_LENGTH} characters")),
            );
        }
    }
}

impl JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": TOTP_LENGTH, "maxLength": MAX_LENGTH, "examples": ["123456"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Shape {
        Code(text.into()).shape()
    }

    #[test]
    fn a_recovery_code_is_accepted_in_any_spelling() {
        let (code, kept) = fresh_recovery_code(&Random::default());
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [5; 5]);

        let spaced = code.replace('-', "  ");
        let confused = code.replace('0', "o").replace('1', "l");

        for typed in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', ""),
            spaced,
            confused,
        ] {
            assert!(
                matches!(read(&typed), Shape::Recovery(hash) if hash == kept),
                "{typed}"
            );
        }

        assert!(matches!(read(&code[1..]), Shape::Recovery(hash) if hash != kept));
    }

    #[test]
    fn six_digits_are_the_code_of_an_app() {
        for typed in ["123456", "123 456", " 123-456 "] {
            assert!(
                matches!(read(typed), Shape::Totp(code) if code.expose_secret() == "123456"),
                "{typed}"
            );
        }
        for typed in ["12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert!(matches!(read(typed), Shape::Recovery(_)), "{typed}");
        }
    }

    #[test]
    fn recovery_codes_are_unique() {
        let random = Random::default();
        let codes: std::collections::HashSet<_> =
            (0..100).map(|_| fresh_recovery_code(&random).0).collect();
        assert_eq!(codes.len(), 100);
    }
}
