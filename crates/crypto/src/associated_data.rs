//! Associated data: the place that a ciphertext or a blind index is bound to.
//!
//! Each part is preceded by its length, so that two lists of parts have the same bytes only when they are the same
//! list: table `ab` with column `c` is never table `a` with column `bc`.

/// A place in bytes: authenticated, but not stored.
pub(crate) struct AssociatedData(Vec<u8>);

/// The bytes of a part's length, big-endian.
const PREFIX: usize = 8;

impl AssociatedData {
    /// `header` is what is stored in front, or a constant: its length is fixed per purpose. `parts` name the place.
    pub(crate) fn new<const N: usize>(header: &[u8], parts: [&[u8]; N]) -> Self {
        let length = header.len() + parts.iter().map(|part| PREFIX + part.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(header);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
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
