//! Data keys: the keys under which values are sealed.

use std::{fmt, sync::Arc};

use mainstay_kernel::Random;
use zeroize::Zeroizing;

use crate::{
    Cell, SealError,
    cipher::{BOX_OVERHEAD, Cipher, KEY_LENGTH},
    derive::Derivation,
};

const VERSION: u8 = 1;
const AES_256_GCM: u8 = 1;
const HEADER_LENGTH: usize = 10;

/// The bytes of a data key, as they are wrapped: the secret on which all data of a data subject
/// depends.
pub(crate) type DataKeyBytes = Zeroizing<[u8; KEY_LENGTH]>;

/// A data encryption key, which seals the cells of one data subject.
///
/// Made by [`KeyRing::new_data_key`](crate::KeyRing::new_data_key), opened by
/// [`KeyRing::unwrap`](crate::KeyRing::unwrap). Clones share the key, and dropping the last one
/// wipes it (`tests/wiping.rs` searches the memory for it): a key that a cache has evicted stays in
/// memory only while a request still uses it.
#[derive(Clone)]
pub struct DataKey(Arc<Inner>);

struct Inner {
    id: i64,
    cipher: Cipher,
}

/// A data key sealed under a root key, as the database stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

impl DataKey {
    /// The key's identifier, a positive number. Each cell that this key seals contains it.
    pub fn id(&self) -> i64 {
        self.0.id
    }

    /// Seals `plaintext` for `cell`: version (1), algorithm (1), data key id (8, big-endian), nonce
    /// (12), ciphertext and tag (16), which is 38 bytes more than the plaintext.
    ///
    /// Nothing is compressed, so the length reveals the plaintext's length and nothing else.
    pub fn seal(&self, random: &Random, cell: &Cell<'_>, plaintext: &[u8]) -> Vec<u8> {
        let header = self.header();
        self.0
            .cipher
            .seal(random, &header, &cell.associated_data(&header), plaintext)
    }

    /// Opens a value that [`seal`](Self::seal) made for the same cell.
    ///
    /// # Errors
    /// [`SealError::Malformed`] for an unknown format, [`SealError::UnknownKey`] if the value names
    /// another data key (this one is not tried then), [`SealError::Refused`] if it was altered or
    /// comes from another cell.
    pub fn open(&self, cell: &Cell<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open_with(cell, sealed, |plaintext| Zeroizing::new(plaintext.to_vec()))
    }

    /// Like [`open`](Self::open), but passes the plaintext to `read` and wipes it afterwards, so
    /// that no copy is made.
    ///
    /// # Errors
    /// Like [`open`](Self::open).
    pub fn open_with<T>(
        &self,
        cell: &Cell<'_>,
        sealed: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, SealError> {
        if Self::named_in(sealed)? != self.0.id {
            return Err(SealError::UnknownKey);
        }

        let place = cell.associated_data(&self.header());
        self.0
            .cipher
            .open_with(place.as_bytes(), &sealed[HEADER_LENGTH..], read)
    }

    /// The id of the data key that opens `sealed`.
    ///
    /// # Errors
    /// [`SealError::Malformed`] if the bytes are not a sealed cell of this version.
    pub fn named_in(sealed: &[u8]) -> Result<i64, SealError> {
        let Some(([VERSION, AES_256_GCM, id @ ..], body)) =
            sealed.split_first_chunk::<HEADER_LENGTH>()
        else {
            return Err(SealError::Malformed);
        };
        if body.len() < BOX_OVERHEAD {
            return Err(SealError::Malformed);
        }

        Ok(i64::from_be_bytes(*id))
    }

    pub(crate) fn new(id: i64, bytes: &DataKeyBytes) -> Self {
        let cipher = Cipher::new(&derivation(bytes).key("cell cipher"));
        Self(Arc::new(Inner { id, cipher }))
    }

    fn header(&self) -> [u8; HEADER_LENGTH] {
        let mut header = [VERSION, AES_256_GCM, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..].copy_from_slice(&self.0.id.to_be_bytes());
        header
    }
}

/// The commitment that a wrapped key carries to the data key inside, so that it cannot be opened as
/// any other.
///
/// GCM alone does not commit to its key: a wrapped key could be crafted that opens under two root
/// keys, as a different data key under each.
pub(crate) fn commitment(bytes: &DataKeyBytes) -> [u8; 16] {
    *derivation(bytes).key("commitment")
}

fn derivation(bytes: &DataKeyBytes) -> Derivation {
    Derivation::new(b"mainstay data key 1", &**bytes)
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mainstay_kernel::Uuid;
    use proptest::prelude::*;

    use super::*;

    const CELL: Cell<'_> = Cell {
        organization: Uuid::from_u128(1),
        table: "customers",
        column: "email",
        row: Uuid::from_u128(2),
    };

    fn key(id: i64) -> DataKey {
        DataKey::new(id, &Zeroizing::new([7; KEY_LENGTH]))
    }

    proptest! {
        #[test]
        fn a_cell_opens_as_it_was_sealed(
            plaintext: Vec<u8>,
            table: String,
            column: String,
            row: u128,
            id in 1..=i64::MAX,
        ) {
            let cell = Cell { table: &table, column: &column, row: Uuid::from_u128(row), ..CELL };
            let sealed = key(id).seal(&Random::default(), &cell, &plaintext);
            prop_assert_eq!(sealed.len(), plaintext.len() + 38);
            prop_assert_eq!(DataKey::named_in(&sealed), Ok(id));
            prop_assert_eq!(&*key(id).open(&cell, &sealed).unwrap(), &plaintext);
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(sealed: Vec<u8>) {
            prop_assert!(key(1).open(&CELL, &sealed).is_err());
        }
    }

    /// The bytes that go into a key or come out of one are wiped on drop.
    #[test]
    fn secrets_are_wiped_on_drop() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let bytes: DataKeyBytes = Zeroizing::new([7; KEY_LENGTH]);
        is_wiped(&bytes);
        is_wiped(&derivation(&bytes).key::<KEY_LENGTH>("cell cipher"));
        is_wiped(
            &key(1)
                .open(&CELL, &key(1).seal(&Random::default(), &CELL, b"value"))
                .unwrap(),
        );
    }

    #[test]
    fn a_cell_of_another_data_key_is_not_tried() {
        let sealed = key(1).seal(&Random::default(), &CELL, b"value");
        // The same key bytes, but another id.
        assert_eq!(key(2).open(&CELL, &sealed), Err(SealError::UnknownKey));
    }

    #[test]
    fn the_id_in_the_header_is_authenticated() {
        let mut sealed = key(1).seal(&Random::default(), &CELL, b"value");
        sealed[2..HEADER_LENGTH].copy_from_slice(&2_i64.to_be_bytes());
        assert_eq!(key(2).open(&CELL, &sealed), Err(SealError::Refused));
    }

    #[test]
    fn nonces_do_not_repeat() {
        let (key, random) = (key(1), Random::default());
        let nonces: HashSet<Vec<u8>> = (0..10_000)
            .map(|_| key.seal(&random, &CELL, b"same")[HEADER_LENGTH..][..12].to_vec())
            .collect();
        assert_eq!(nonces.len(), 10_000);
    }

    #[test]
    fn debug_shows_only_the_id() {
        assert_eq!(format!("{:?}", key(5)), "DataKey { id: 5, .. }");
    }
}
