//! Key derivation: HKDF with SHA-256 (RFC 5869).

use aws_lc_rs::{
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
};
use zeroize::Zeroizing;

/// The source of derived keys: the pseudo-random key that HKDF extracts from a secret.
pub(crate) struct Derivation(Prk);

impl Derivation {
    /// `salt` names the kind of secret; `secret` contains at least 32 random bytes.
    pub(crate) fn new(salt: &[u8], secret: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, salt).extract(secret))
    }

    /// The key of `N` bytes that `label` names. Keys of different labels are independent of each
    /// other.
    pub(crate) fn key<const N: usize>(&self, label: &str) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 32, "HKDF-SHA256 gives no more than 255 blocks") };
        let mut key = Zeroizing::new([0; N]);
        #[expect(
            clippy::expect_used,
            reason = "HKDF only refuses a wrong length, and the compiler has checked the length"
        )]
        self.fill(label.as_bytes(), &mut *key)
            .expect("HKDF gives a key of this length");
        key
    }

    /// Fills `out`; refuses more than 8,160 bytes.
    pub(crate) fn fill(&self, info: &[u8], out: &mut [u8]) -> Result<(), Unspecified> {
        self.0.expand(&[info], Length(out.len()))?.fill(out)
    }
}

/// A number of bytes, as HKDF asks for it.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_salts_and_secrets_each_change_the_key() {
        let key =
            |salt: &[u8], secret: &[u8], label| *Derivation::new(salt, secret).key::<32>(label);
        let first = key(b"salt", b"secret", "label");
        assert_eq!(first, key(b"salt", b"secret", "label"));
        assert_ne!(first, key(b"salt", b"secret", "other"));
        assert_ne!(first, key(b"other", b"secret", "label"));
        assert_ne!(first, key(b"salt", b"other", "label"));
    }
}
