//! Stored secrets of second factors: bytes that are sealed under the owner's key.

use mainstay_crypto::{Cell, Personal, Zeroizing};
use mainstay_database::Uuid;

use crate::account::key::NOWHERE;

/// Bytes that are sealed under the owner's key: a secret, a public key or a name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) Zeroizing<Vec<u8>>);

impl Personal for Kept {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        self.0.clone()
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.to_vec())))
    }

    fn mask(&self) -> String {
        "•••".to_owned()
    }
}

/// The cell of such bytes.
pub(crate) fn kept_cell(table: &'static str, column: &'static str, row: Uuid) -> Cell<'static> {
    Cell {
        organization: NOWHERE,
        table,
        column,
        row,
    }
}
