//! Secrets with a prefix, 256 random bits as letters and digits, and a checksum. Secret scanners
//! recognise leaked ones, and a mistyped one is refused without a round trip.
//!
//! The checksum is not secret and protects nothing: it only detects strings that are not such
//! secrets.

use mainstay_kernel::Random;

use crate::secret::{FreshSecret, hash};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Length of the secret: 43 characters of an alphabet of 62 are 256 bits.
pub(crate) const SECRET: usize = 43;

/// Length of the checksum: 6 characters of an alphabet of 62 are more than 32 bits.
pub(crate) const CHECKSUM: usize = 6;

/// The largest multiple of 62 below 256. Random bytes from here on are discarded, so that all
/// characters are equally likely.
const UNBIASED_BELOW: u8 = 248;

/// Generates a secret that starts with `prefix`.
pub fn generate(random: &Random, prefix: &str) -> FreshSecret {
    let mut text = String::with_capacity(prefix.len() + SECRET + CHECKSUM);
    text.push_str(prefix);

    while text.len() < prefix.len() + SECRET {
        let bytes = random
            .bytes::<SECRET>()
            .into_iter()
            .filter(|byte| *byte < UNBIASED_BELOW);
        let missing = prefix.len() + SECRET - text.len();
        text.extend(bytes.map(|byte| character(u32::from(byte))).take(missing));
    }

    let checksum = checksum(&text);
    text.push_str(&checksum);

    FreshSecret {
        hash: hash(&text),
        text: text.into(),
    }
}

/// Whether `text` could come from [`generate`] with this prefix.
pub(crate) fn is_whole(text: &str, prefix: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else {
        return false;
    };

    rest.len() == SECRET + CHECKSUM
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text[text.len() - CHECKSUM..] == checksum(&text[..text.len() - CHECKSUM])
}

/// The CRC-32 (ISO/HDLC, as in zip) of a string in base 62, most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [' '; CHECKSUM];

    for digit in digits.iter_mut().rev() {
        *digit = character(rest);
        rest /= 62;
    }

    digits.into_iter().collect()
}

fn character(number: u32) -> char {
    char::from(ALPHABET[number as usize % ALPHABET.len()])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mainstay_kernel::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        // The algorithm's published check value.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_generated_secret_is_well_formed_and_an_altered_one_is_not() {
        let generated = generate(&Random::default(), "mak_");
        let text = generated.text.expose_secret();
        assert!(is_whole(text, "mak_") && !is_whole(text, "mcs_"));

        for at in 0..text.len() {
            let mut altered = text.as_bytes().to_vec();
            altered[at] = if altered[at] == b'a' { b'b' } else { b'a' };
            assert!(
                !is_whole(&String::from_utf8(altered).unwrap(), "mak_"),
                "altered at {at}"
            );
        }

        for wrong in [
            &text[..text.len() - 1],
            &format!("{text}a"),
            "mak_",
            "",
            "mak_é",
        ] {
            assert!(!is_whole(wrong, "mak_"), "{wrong}");
        }

        // A character of several bytes must not be cut in two.
        assert!(!is_whole(&format!("mak_{}ééé", "a".repeat(SECRET)), "mak_"));
    }

    #[test]
    fn every_character_occurs_and_no_secret_repeats() {
        let random = Random::default();
        let secrets: HashSet<_> = (0..1_000)
            .map(|_| generate(&random, "").text.expose_secret().to_owned())
            .collect();
        assert_eq!(secrets.len(), 1_000);

        let characters: HashSet<_> = secrets
            .iter()
            .flat_map(|text| text[..SECRET].bytes())
            .collect();
        assert_eq!(characters.len(), ALPHABET.len());
    }
}
