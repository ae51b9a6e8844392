//! Digests of high-entropy tokens, and the comparison of secrets.
//!
//! Not for passwords: those are guessed, and need [`PasswordHasher`](crate::PasswordHasher).

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
};

/// What the database keeps of a token: its SHA-256 (FIPS 180-4).
///
/// A plain hash suffices for a token of at least 128 random bits, which nobody can guess; a stolen table then holds
/// nothing to sign in with (OWASP ASVS 7.2.3).
pub fn token_digest(token: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut kept = [0; SHA256_OUTPUT_LEN];
    kept.copy_from_slice(digest(&SHA256, token).as_ref());
    kept
}

/// Whether both are equal, in a time that depends on their lengths alone (OWASP ASVS 11.2.4).
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
