//! A row whose sealed fields are revealed.

use mainstay_crypto::{Disclosure, Personal, Sealed};

/// A row whose sealed fields may be read, because their disclosure is recorded in the audit log.
pub struct Revealed<E> {
    row: E,
    disclosure: Disclosure,
}

impl<E> Revealed<E> {
    pub(crate) fn new(row: E, disclosure: Disclosure) -> Self {
        Self { row, disclosure }
    }

    /// The value of a sealed field.
    pub fn open<T: Personal>(&self, field: impl FnOnce(&E) -> &Sealed<T>) -> &T {
        field(&self.row).disclose(&self.disclosure)
    }

    /// The value of an optional sealed field.
    pub fn open_optional<T: Personal>(
        &self,
        field: impl FnOnce(&E) -> &Option<Sealed<T>>,
    ) -> Option<&T> {
        field(&self.row)
            .as_ref()
            .map(|value| value.disclose(&self.disclosure))
    }

    /// The row, with its sealed fields masked.
    pub fn row(&self) -> &E {
        &self.row
    }
}
