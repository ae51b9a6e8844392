//! Root keys of the ring.

use aws_lc_rs::hmac::{HMAC_SHA256, Key};
use zeroize::Zeroizing;

use crate::{
    cipher::{Cipher, KEY_LENGTH},
    derive::Derivation,
};

/// Names a root key in the data that it sealed. It is derived from the key, but reveals nothing
/// about it.
pub(crate) type RootKeyId = [u8; 4];

/// A root key, expanded into one key per purpose. The root key itself is not kept.
pub(crate) struct RootKey {
    pub(crate) name: String,
    pub(crate) id: RootKeyId,
    /// The key encryption key, which wraps data keys.
    pub(crate) wrapping: Cipher,
    /// Makes blind indexes.
    pub(crate) index: Key,
    /// Seals cursors.
    pub(crate) cursor: Cipher,
    /// Seals private boxes.
    pub(crate) private: Cipher,
}

impl RootKey {
    pub(crate) fn new(name: String, bytes: &Zeroizing<[u8; KEY_LENGTH]>) -> Self {
        let derivation = Derivation::new(b"mainstay root key 1", &**bytes);
        Self {
            name,
            id: *derivation.key("id"),
            wrapping: Cipher::new(&derivation.key("wrapping")),
            index: Key::new(HMAC_SHA256, &*derivation.key::<32>("index")),
            cursor: Cipher::new(&derivation.key("cursor")),
            private: Cipher::new(&derivation.key("private")),
        }
    }
}
