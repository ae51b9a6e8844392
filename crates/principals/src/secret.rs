//! Secrets that somebody carries: drawn at random, and kept as their hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_crypto::token_digest;
use mainstay_kernel::{Random, SecretString};

/// Bytes of a secret that somebody carries: 256 random bits, more than the 128 that nobody guesses (OWASP ASVS 7.2.3).
const LENGTH: usize = 32;

/// A fresh secret: what is given away once, and the SHA-256 that is kept.
pub struct FreshSecret {
    /// What is given away once.
    pub text: SecretString,
    /// What is kept.
    pub hash: Vec<u8>,
}

impl FreshSecret {
    /// `prefix` says what it is, so that people and scanners recognise a leaked one.
    pub fn new(random: &Random, prefix: &str) -> Self {
        let text = format!(
            "{prefix}{}",
            URL_SAFE_NO_PAD.encode(random.bytes::<LENGTH>())
        );
        Self {
            hash: hash(&text),
            text: text.into(),
        }
    }
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> Vec<u8> {
    token_digest(secret.as_bytes()).to_vec()
}
