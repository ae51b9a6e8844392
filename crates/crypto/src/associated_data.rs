//! Associated data: the place that a ciphertext is bound to.
//!
//! Each part is preceded by its length, so that two lists of parts have the same bytes only when they are the same
//! list: table `ab` with column `c` is never table `a` with column `bc`.

/// Parts that are authenticated with a ciphertext but not stored in it.
pub(crate) struct AssociatedData(Vec<u8>);

/// How many bytes a part takes beyond its own.
const PREFIX: usize = 8;

impl AssociatedData {
    /// `header` is what stands in front of the ciphertext; its length is fixed per purpose. `parts` name the place.
    pub(crate) fn new<const N: usize>(header: &[u8], parts: [&[u8]; N]) -> Self {
        let length = header.len() + parts.iter().map(|part| PREFIX + part.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(header);
        for part in parts {
            bytes.extend_from_slice(&length_prefix(part));
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The length of `part` in bytes, big-endian: what is written in front of it.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; PREFIX] {
    (part.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_that_moves_changes_the_bytes() {
        let bytes = |parts: [&[u8]; 2]| AssociatedData::new(b"header", parts).0;
        assert_ne!(bytes([b"ab", b"c"]), bytes([b"a", b"bc"]));
        assert_ne!(bytes([b"abc", b""]), bytes([b"", b"abc"]));
        assert_eq!(bytes([b"ab", b"c"]), bytes([b"ab", b"c"]));
    }
}
