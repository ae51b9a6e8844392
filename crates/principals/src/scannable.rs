//! Secrets that a scanner recognises wherever they leak, and that a typo does not turn into a question to the database: a
//! prefix, 256 random bits as letters and digits, and a checksum.
//!
//! The checksum is no secret and protects nothing: it tells such a text from one that only looks like it.

use mainstay_kernel::Random;

use crate::secret::{FreshSecret, hash};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Letters and digits of the secret: 43 of 62 are 256 bits.
pub(crate) const SECRET: usize = 43;

/// Letters and digits of the checksum: 6 of 62 are more than 32 bits.
pub(crate) const CHECKSUM: usize = 6;

/// Bytes from here on would make some letters more likely than others.
const FAIR: u8 = 248;

/// A fresh secret behind `prefix`.
pub fn generate(random: &Random, prefix: &str) -> FreshSecret {
    let mut text = String::with_capacity(prefix.len() + SECRET + CHECKSUM);
    text.push_str(prefix);

    while text.len() < prefix.len() + SECRET {
        let drawn = random
            .bytes::<SECRET>()
            .into_iter()
            .filter(|byte| *byte < FAIR);
        let missing = prefix.len() + SECRET - text.len();
        text.extend(drawn.map(|byte| letter(u32::from(byte))).take(missing));
    }

    let checksum = checksum(&text);
    text.push_str(&checksum);

    FreshSecret {
        hash: hash(&text),
        text: text.into(),
    }
}

/// Whether `text` is `prefix`, then what [`generate`] puts behind it.
pub(crate) fn is_whole(text: &str, prefix: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else {
        return false;
    };
    rest.len() == SECRET + CHECKSUM
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text[text.len() - CHECKSUM..] == checksum(&text[..text.len() - CHECKSUM])
}

/// CRC-32 (ISO/HDLC, as in zip) of a text, the most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [' '; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = letter(rest);
        rest /= 62;
    }
    digits.into_iter().collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn letter(number: u32) -> char {
    char::from(ALPHABET[number as usize % ALPHABET.len()])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mainstay_kernel::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        // The check value of the algorithm in every catalogue.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_made_is_whole_and_what_is_altered_is_not() {
        let made = generate(&Random::default(), "mak_");
        let text = made.text.expose_secret();
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

        // Letters of several bytes at the border must not be cut.
        assert!(!is_whole(&format!("mak_{}ééé", "a".repeat(SECRET)), "mak_"));
    }

    #[test]
    fn every_letter_is_drawn_and_no_secret_twice() {
        let random = Random::default();
        let secrets: HashSet<_> = (0..1_000)
            .map(|_| generate(&random, "").text.expose_secret().to_owned())
            .collect();
        assert_eq!(secrets.len(), 1_000);
        let letters: HashSet<_> = secrets
            .iter()
            .flat_map(|text| text[..SECRET].bytes())
            .collect();
        assert_eq!(letters.len(), ALPHABET.len());
    }
}
