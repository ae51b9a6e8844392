//! Blind indexes: keyed digests by which the database finds a personal value without knowing it.

use aws_lc_rs::hmac::Context;
use mainstay_kernel::Uuid;

use crate::{KeyRing, associated_data::AssociatedData, ring::RootKey};

const VERSION: u8 = 1;

/// Where a blind index is stored. Equal values have different indexes in different places.
///
/// Do not use it for types with few values (a sex, a country, a birth year): the frequency of each
/// index reveals its value, at any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexPlace<'a> {
    /// The tenant that owns the row.
    pub organization: Uuid,
    /// The table's name in the database.
    pub table: &'a str,
    /// The sealed column's name in the database.
    pub column: &'a str,
    /// How much of the digest is stored.
    pub length: IndexLength,
}

/// How much of the 32-byte digest a blind index keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexLength {
    /// 8 bytes: may collide, so an equal index does not prove an equal value. Compare the values
    /// after decryption.
    Truncated,
    /// All 32 bytes, for a unique constraint. Readers of the table can see which rows contain the
    /// same value.
    Unique,
}

/// Version (1), root key id (4) and the stored part of HMAC-SHA256 over place and value: 13 or 37
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlindIndex(Vec<u8>);

impl BlindIndex {
    /// The bytes for the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes for the database, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl KeyRing {
    /// The index of `value` under the primary key, which a write stores. Normalise the value first:
    /// values that differ in a single byte have unrelated indexes.
    pub fn blind_index(&self, place: &IndexPlace<'_>, value: &str) -> BlindIndex {
        index(self.primary(), place, value)
    }

    /// The indexes of `value` under every key of the ring, for a lookup during a key rotation.
    pub fn blind_indexes(&self, place: &IndexPlace<'_>, value: &str) -> Vec<BlindIndex> {
        self.roots().map(|root| index(root, place, value)).collect()
    }
}

fn index(root: &RootKey, place: &IndexPlace<'_>, value: &str) -> BlindIndex {
    let kept = match place.length {
        IndexLength::Truncated => 8,
        IndexLength::Unique => 32,
    };

    // The length is part of the place, so that a truncated index is not a prefix of a full one. The
    // value comes last and needs no length prefix, so it is not copied.
    let parts = [
        place.organization.as_bytes(),
        place.table.as_bytes(),
        place.column.as_bytes(),
        &[kept],
    ];

    let mut mac = Context::with_key(&root.index);
    mac.update(AssociatedData::new(b"index", parts).as_bytes());
    mac.update(value.as_bytes());

    let kept = usize::from(kept);
    let mut bytes = Vec::with_capacity(1 + root.id.len() + kept);
    bytes.push(VERSION);
    bytes.extend_from_slice(&root.id);
    bytes.extend_from_slice(&mac.sign().as_ref()[..kept]);

    BlindIndex(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mainstay_kernel::Random;

    use super::*;
    use crate::ring::tests::ring_of;

    const PLACE: IndexPlace<'_> = IndexPlace {
        organization: Uuid::from_u128(1),
        table: "customers",
        column: "email",
        length: IndexLength::Unique,
    };

    #[test]
    fn equal_values_in_one_place_have_equal_indexes() {
        let ring = ring_of(&[KeyRing::generate(&Random::default())]);
        let index = ring.blind_index(&PLACE, "a@example.org");
        assert_eq!(index, ring.blind_index(&PLACE, "a@example.org"));
        assert_eq!(index.as_bytes().len(), 37);

        let truncated = IndexPlace {
            length: IndexLength::Truncated,
            ..PLACE
        };
        assert_eq!(
            ring.blind_index(&truncated, "a@example.org")
                .as_bytes()
                .len(),
            13
        );
    }

    #[test]
    fn the_same_value_has_unrelated_indexes_in_other_places() {
        let ring = ring_of(&[KeyRing::generate(&Random::default())]);

        let places = [
            PLACE,
            IndexPlace {
                organization: Uuid::from_u128(2),
                ..PLACE
            },
            IndexPlace {
                table: "people",
                ..PLACE
            },
            IndexPlace {
                column: "other_email",
                ..PLACE
            },
            IndexPlace {
                table: "customerse",
                column: "mail",
                ..PLACE
            },
            IndexPlace {
                length: IndexLength::Truncated,
                ..PLACE
            },
        ];

        let starts: HashSet<Vec<u8>> = places
            .iter()
            .map(|place| ring.blind_index(place, "value").as_bytes()[..13].to_vec())
            .collect();
        assert_eq!(starts.len(), places.len());

        let moved = IndexPlace {
            column: "emailx",
            ..PLACE
        };
        assert_ne!(
            ring.blind_index(&PLACE, "xvalue"),
            ring.blind_index(&moved, "value")
        );
    }

    #[test]
    fn a_lookup_during_a_rotation_finds_old_and_new() {
        let random = Random::default();
        let (old, new) = (KeyRing::generate(&random), KeyRing::generate(&random));
        let before = ring_of(std::slice::from_ref(&old)).blind_index(&PLACE, "value");
        let both = ring_of(&[new, old]);
        let after = both.blind_index(&PLACE, "value");
        assert_ne!(before, after);
        assert_eq!(both.blind_indexes(&PLACE, "value"), [after, before]);
    }
}
