//! Bearer secrets: generated at random, and stored as their hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_crypto::token_digest;
use mainstay_kernel::{Random, SecretString};

/// Number of random bytes in a secret: 256 bits, where OWASP ASVS 7.2.3 requires 128.
const LENGTH: usize = 32;

/// A new secret and its hash.
pub struct FreshSecret {
    /// The secret, which is shown once.
    pub text: SecretString,
    /// Its SHA-256, which is stored.
    pub hash: Vec<u8>,
}

impl FreshSecret {
    /// Generates a secret. `prefix` states its kind, so that people and secret scanners recognise a
    /// leaked one.
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

/// Hashes a secret with SHA-256, for storage.
pub fn hash(secret: &str) -> Vec<u8> {
    token_digest(secret.as_bytes()).to_vec()
}
