//! Digests of high-entropy tokens, and the comparison of secrets.
//!
//! Not for passwords: those can be guessed and need [`PasswordHasher`](crate::PasswordHasher).

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
};

/// The digest of a token that the database stores: its SHA-256 (FIPS 180-4).
///
/// A plain hash suffices for a token of at least 128 random bits, which cannot be guessed. A stolen
/// table then contains nothing that can be used to sign in (OWASP ASVS 7.2.3).
pub fn token_digest(token: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut stored = [0; SHA256_OUTPUT_LEN];
    stored.copy_from_slice(digest(&SHA256, token).as_ref());
    stored
}

/// Whether both are equal, compared in a time that depends only on their lengths (OWASP ASVS
/// 11.2.4).
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-4, the one-block example "abc".
        assert_eq!(
            token_digest(b"abc")[..8],
            [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]
        );
    }

    #[test]
    fn only_equal_bytes_are_the_same() {
        assert!(same_bytes(b"", b""));
        assert!(same_bytes(b"token", b"token"));
        assert!(!same_bytes(b"token", b"tokem"));
        assert!(!same_bytes(b"token", b"token "));
    }
}
