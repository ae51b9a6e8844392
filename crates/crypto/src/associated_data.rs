//! Associated data: the place that a ciphertext or a blind index is bound to.
//!
//! Each part is preceded by its length, so that different lists of parts never have the same bytes:
//! table `ab` with column `c` differs from table `a` with column `bc`.

use smallvec::SmallVec;

/// The bytes of a place: authenticated, but not stored. Those of a cell fit on the stack.
pub(crate) struct AssociatedData(SmallVec<[u8; 192]>);

/// The size of a part's length prefix, a big-endian integer, in bytes.
const LENGTH_PREFIX: usize = 8;

impl AssociatedData {
    /// `header` is the stored header, or a constant; each purpose has a fixed header length.
    /// `parts` name the place.
    pub(crate) fn new<const N: usize>(header: &[u8], parts: [&[u8]; N]) -> Self {
        let parts_length: usize = parts.iter().map(|part| LENGTH_PREFIX + part.len()).sum();
        let mut bytes = SmallVec::with_capacity(header.len() + parts_length);
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
    fn moving_a_boundary_between_parts_changes_the_bytes() {
        let bytes = |parts: [&[u8]; 2]| AssociatedData::new(b"header", parts).0;
        assert_ne!(bytes([b"ab", b"c"]), bytes([b"a", b"bc"]));
        assert_ne!(bytes([b"abc", b""]), bytes([b"", b"abc"]));
        assert_eq!(bytes([b"ab", b"c"]), bytes([b"ab", b"c"]));
    }
}
