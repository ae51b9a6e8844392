//! Sealed values that can be looked up through a blind index.

use mainstay_crypto::{BlindIndex, Identifying, IndexLength, Sealed, Zeroizing};
use sea_query::Value;

use crate::{Column, Sealing};

/// A sealed value that can be looked up through a blind index: `Sealed<T>` or `Option<Sealed<T>>`
/// of an [`Identifying`] type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot have a blind index",
    label = "not sealed, or not a type with enough distinct values",
    note = "a blind index requires a `Sealed<T>` or `Option<Sealed<T>>` whose `T` implements `Identifying`",
    note = "values with few distinct forms (dates, choices, flags) could be guessed from how often each index occurs"
)]
pub trait Indexable {
    /// The normalised form of a value, from its plaintext; `None` if the plaintext is invalid.
    fn normalised(plaintext: &[u8]) -> Option<Zeroizing<String>>;
    /// The index to store with the value.
    fn write_index(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Value;
    /// The indexes under which the value may be stored.
    fn find_indexes(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Vec<Value>;
    /// Whether both have the same normalised form.
    fn is_same(&self, other: &Self) -> bool;
}

impl<T: Identifying> Indexable for Sealed<T> {
    fn normalised(plaintext: &[u8]) -> Option<Zeroizing<String>> {
        normalised::<T>(plaintext)
    }

    fn write_index(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Value {
        bytes(&self.index(sealing.ring(), &sealing.place(column, length)))
    }

    fn find_indexes(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Vec<Value> {
        self.indexes(sealing.ring(), &sealing.place(column, length))
            .iter()
            .map(bytes)
            .collect()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.same_normalised(other)
    }
}

impl<T: Identifying> Indexable for Option<Sealed<T>> {
    fn normalised(plaintext: &[u8]) -> Option<Zeroizing<String>> {
        normalised::<T>(plaintext)
    }

    fn write_index(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Value {
        self.as_ref().map_or(<Vec<u8> as Column>::null(), |value| {
            value.write_index(sealing, column, length)
        })
    }

    fn find_indexes(
        &self,
        sealing: &Sealing<'_>,
        column: &'static str,
        length: IndexLength,
    ) -> Vec<Value> {
        self.as_ref().map_or_else(Vec::new, |value| {
            value.find_indexes(sealing, column, length)
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        matches!((self, other), (Some(one), Some(other)) if one.is_same(other))
    }
}

/// The normalised form of a `T`, from its plaintext.
pub fn normalised<T: Identifying>(plaintext: &[u8]) -> Option<Zeroizing<String>> {
    T::from_plaintext(plaintext).map(|value| value.normalised())
}

fn bytes(index: &BlindIndex) -> Value {
    Value::Bytes(Some(index.as_bytes().to_vec()))
}
