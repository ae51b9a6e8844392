//! The key ring: the root keys that a deployment keeps outside the database.
//!
//! The first key is the primary key and seals new data; the others only open the data that they
//! sealed before. To rotate, put a new key first, move what the old one sealed
//! ([`KeyRing::rewrap`]; indexes are written again), then remove the old one.

mod root;
mod text;
mod wrapping;

use std::{fmt, iter, sync::Arc};

use mainstay_kernel::{ExposeSecret, Random, SecretString};

use crate::SealError;
pub(crate) use root::{RootKey, RootKeyId};
pub use text::{KeyProblem, KeyRingError};

/// The root keys, ready for use. Clones share the keys, which are wiped when the last clone is
/// dropped.
#[derive(Clone)]
pub struct KeyRing(Arc<Roots>);

struct Roots {
    primary: RootKey,
    others: Vec<RootKey>,
}

impl KeyRing {
    /// Reads a ring from its text: `name:key` entries separated by white space, the primary key
    /// first. A key is 32 random bytes in base64 or base64url, with or without padding; a name is
    /// up to 24 letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    /// All problems of the text, weak keys included. The problems never contain a key.
    pub fn parse(text: &SecretString) -> Result<Self, KeyRingError> {
        text::parse(text.expose_secret())
            .map(|(primary, others)| Self(Arc::new(Roots { primary, others })))
    }

    /// The text of a ring with one new key, whose random name reveals nothing about the key.
    pub fn generate(random: &Random) -> SecretString {
        text::generate(random)
    }

    /// Names and ids of the keys, the primary key first. Bytes 1 to 4 of a
    /// [`WrappedKey`](crate::WrappedKey) and of a [`BlindIndex`](crate::BlindIndex) are the id of
    /// the key that made it, so a query can count what is left to move before a key is removed.
    pub fn key_ids(&self) -> impl Iterator<Item = (&str, [u8; 4])> {
        self.roots().map(|root| (root.name.as_str(), root.id))
    }

    pub(crate) fn primary(&self) -> &RootKey {
        &self.0.primary
    }

    /// The key that a stored value names. No other key is tried.
    pub(crate) fn root(&self, id: RootKeyId) -> Result<&RootKey, SealError> {
        self.roots()
            .find(|root| root.id == id)
            .ok_or(SealError::UnknownKey)
    }

    pub(crate) fn roots(&self) -> impl Iterator<Item = &RootKey> {
        iter::once(&self.0.primary).chain(&self.0.others)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing ")?;
        f.debug_list()
            .entries(self.roots().map(|root| &root.name))
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A ring of these keys; the first one is the primary key.
    pub(crate) fn ring_of(texts: &[SecretString]) -> KeyRing {
        let texts: Vec<&str> = texts.iter().map(ExposeSecret::expose_secret).collect();
        KeyRing::parse(&texts.join("\n").into()).unwrap()
    }

    #[test]
    fn debug_shows_only_the_names() {
        let text = KeyRing::generate(&Random::default());
        let (name, key) = text.expose_secret().split_once(':').unwrap();
        let shown = format!("{:?}", KeyRing::parse(&text).unwrap());
        assert_eq!(shown, format!("KeyRing [{name:?}]"));
        assert!(!shown.contains(key));
    }

    #[test]
    fn a_key_keeps_its_id_when_it_moves_in_the_ring() {
        let random = Random::default();
        let (old, new) = (KeyRing::generate(&random), KeyRing::generate(&random));
        let before = ring_of(std::slice::from_ref(&old));
        let after = ring_of(&[new, old]);
        assert_eq!(after.key_ids().count(), 2);
        assert_eq!(before.key_ids().next(), after.key_ids().nth(1));
        assert_ne!(after.key_ids().next(), after.key_ids().nth(1));
    }
}
