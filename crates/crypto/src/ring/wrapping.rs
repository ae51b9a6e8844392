//! Data keys and the ring: generating, wrapping and unwrapping them, and moving them to the primary
//! key.
//!
//! A wrapped key is `version (1) | root key id (4) | nonce (12) | data key (32) | tag (16) |
//! commitment (16)`, bound to the organization, the data subject and the data key's id.

use mainstay_kernel::{Random, Uuid};
use zeroize::Zeroizing;

use super::{KeyRing, RootKey, RootKeyId};
use crate::{
    DataKey, SealError, WrappedKey,
    associated_data::AssociatedData,
    data_key::{DataKeyBytes, commitment},
    same_bytes,
};

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 5;
const COMMITMENT_LENGTH: usize = 16;

impl KeyRing {
    /// A new data key for a data subject, and its wrapped form for the database, under the primary
    /// key of the ring. The id is random and positive; if one occurs twice, the primary key of the
    /// table refuses the second.
    pub fn new_data_key(
        &self,
        random: &Random,
        organization: Uuid,
        subject: Uuid,
    ) -> (DataKey, WrappedKey) {
        let id = (i64::from_be_bytes(random.bytes()) & i64::MAX).max(1);
        let bytes = Zeroizing::new(random.bytes());
        let wrapped = wrap(
            self.primary(),
            random,
            &Place {
                organization,
                subject,
                id,
            },
            &bytes,
        );

        (DataKey::new(id, &bytes), wrapped)
    }

    /// The data key `id` of a data subject, from its wrapped form in the database.
    ///
    /// # Errors
    /// [`SealError::Malformed`] for an unknown format, [`SealError::UnknownKey`] if the root key
    /// that it names is not on the ring, [`SealError::Refused`] if it was altered or belongs to
    /// another organization, subject or id.
    pub fn unwrap(
        &self,
        id: i64,
        organization: Uuid,
        subject: Uuid,
        wrapped: &[u8],
    ) -> Result<DataKey, SealError> {
        let root = self.root(root_named_in(wrapped)?)?;
        let bytes = open(
            root,
            &Place {
                organization,
                subject,
                id,
            },
            wrapped,
        )?;
        Ok(DataKey::new(id, &bytes))
    }

    /// Wraps a data key again, under the primary key. The data key stays the same, so no cell
    /// changes. `None` if it is under the primary key already.
    ///
    /// # Errors
    /// Like [`unwrap`](Self::unwrap).
    pub fn rewrap(
        &self,
        random: &Random,
        id: i64,
        organization: Uuid,
        subject: Uuid,
        wrapped: &[u8],
    ) -> Result<Option<WrappedKey>, SealError> {
        let root = self.root(root_named_in(wrapped)?)?;
        let place = Place {
            organization,
            subject,
            id,
        };
        let bytes = open(root, &place, wrapped)?;
        Ok((root.id != self.primary().id).then(|| wrap(self.primary(), random, &place, &bytes)))
    }
}

/// Whose data key it is, and its id.
struct Place {
    organization: Uuid,
    subject: Uuid,
    id: i64,
}

impl Place {
    fn associated_data(&self, header: &[u8]) -> AssociatedData {
        AssociatedData::new(
            header,
            [
                b"data key",
                self.organization.as_bytes(),
                self.subject.as_bytes(),
                &self.id.to_be_bytes(),
            ],
        )
    }
}

fn wrap(root: &RootKey, random: &Random, place: &Place, bytes: &DataKeyBytes) -> WrappedKey {
    let [a, b, c, d] = root.id;
    let header = [VERSION, a, b, c, d];
    let mut wrapped =
        root.wrapping
            .seal(random, &header, &place.associated_data(&header), &**bytes);
    wrapped.extend_from_slice(&commitment(bytes));
    WrappedKey(wrapped)
}

fn open(root: &RootKey, place: &Place, wrapped: &[u8]) -> Result<DataKeyBytes, SealError> {
    let (header, rest) = wrapped
        .split_first_chunk::<HEADER_LENGTH>()
        .ok_or(SealError::Malformed)?;
    let (sealed, committed) = rest
        .split_last_chunk::<COMMITMENT_LENGTH>()
        .ok_or(SealError::Malformed)?;
    let plaintext = root.wrapping.open(&place.associated_data(header), sealed)?;

    let bytes = Zeroizing::new(
        plaintext
            .as_slice()
            .try_into()
            .map_err(|_| SealError::Malformed)?,
    );

    if same_bytes(committed, &commitment(&bytes)) {
        Ok(bytes)
    } else {
        Err(SealError::Refused)
    }
}

fn root_named_in(wrapped: &[u8]) -> Result<RootKeyId, SealError> {
    match wrapped.first_chunk::<HEADER_LENGTH>() {
        Some(&[VERSION, a, b, c, d]) => Ok([a, b, c, d]),
        _ => Err(SealError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, ring::tests::ring_of};

    const ORGANIZATION: Uuid = Uuid::from_u128(1);
    const SUBJECT: Uuid = Uuid::from_u128(2);
    const CELL: Cell<'_> = Cell {
        organization: ORGANIZATION,
        table: "customers",
        column: "email",
        row: Uuid::from_u128(3),
    };

    fn fresh() -> (KeyRing, DataKey, WrappedKey) {
        let random = Random::default();
        let ring = ring_of(&[KeyRing::generate(&random)]);
        let (key, wrapped) = ring.new_data_key(&random, ORGANIZATION, SUBJECT);
        (ring, key, wrapped)
    }

    #[test]
    fn an_unwrapped_key_opens_what_the_fresh_one_sealed() {
        let (ring, key, wrapped) = fresh();
        assert!(key.id() > 0);
        assert_eq!(wrapped.0.len(), 81);
        let sealed = key.seal(&Random::default(), &CELL, b"value");
        let again = ring
            .unwrap(key.id(), ORGANIZATION, SUBJECT, &wrapped.0)
            .unwrap();
        assert_eq!(&**again.open(&CELL, &sealed).unwrap(), b"value");
    }

    #[test]
    fn a_wrapped_key_belongs_to_one_organization_subject_and_id() {
        let (ring, key, WrappedKey(wrapped)) = fresh();
        let refused =
            |id, organization, subject| ring.unwrap(id, organization, subject, &wrapped).err();

        assert_eq!(
            refused(key.id(), SUBJECT, SUBJECT),
            Some(SealError::Refused)
        );
        assert_eq!(
            refused(key.id(), ORGANIZATION, ORGANIZATION),
            Some(SealError::Refused)
        );
        assert_eq!(
            refused(key.id() ^ 1, ORGANIZATION, SUBJECT),
            Some(SealError::Refused)
        );
        assert_eq!(
            refused(key.id(), SUBJECT, ORGANIZATION),
            Some(SealError::Refused)
        );
    }

    #[test]
    fn an_altered_byte_anywhere_is_refused() {
        let (ring, key, WrappedKey(wrapped)) = fresh();
        for (at, bit) in (0..wrapped.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut altered = wrapped.clone();
            altered[at] ^= 1 << bit;
            assert!(
                ring.unwrap(key.id(), ORGANIZATION, SUBJECT, &altered)
                    .is_err(),
                "byte {at}, bit {bit}"
            );
        }

        for length in 0..wrapped.len() {
            assert!(
                ring.unwrap(key.id(), ORGANIZATION, SUBJECT, &wrapped[..length])
                    .is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_key_of_another_ring_is_not_tried() {
        let (_, key, WrappedKey(wrapped)) = fresh();
        let (stranger, _, _) = fresh();
        let refused = stranger
            .unwrap(key.id(), ORGANIZATION, SUBJECT, &wrapped)
            .err();
        assert_eq!(refused, Some(SealError::UnknownKey));
    }

    #[test]
    fn a_wrong_commitment_is_refused_though_the_cipher_accepts() {
        let (ring, key, WrappedKey(mut wrapped)) = fresh();
        let commitment = wrapped.len() - COMMITMENT_LENGTH;
        wrapped[commitment..].copy_from_slice(&[0; COMMITMENT_LENGTH]);
        assert_eq!(
            ring.unwrap(key.id(), ORGANIZATION, SUBJECT, &wrapped).err(),
            Some(SealError::Refused)
        );
    }

    #[test]
    fn a_rotation_moves_the_wrapped_key_and_leaves_the_cells() {
        let random = Random::default();
        let (old, new) = (KeyRing::generate(&random), KeyRing::generate(&random));
        let (key, WrappedKey(wrapped)) =
            ring_of(std::slice::from_ref(&old)).new_data_key(&random, ORGANIZATION, SUBJECT);
        let sealed = key.seal(&random, &CELL, b"value");

        let both = ring_of(&[new.clone(), old]);
        let rewrap = |wrapped: &[u8]| {
            both.rewrap(&random, key.id(), ORGANIZATION, SUBJECT, wrapped)
                .unwrap()
        };
        let WrappedKey(moved) = rewrap(&wrapped).unwrap();

        assert_eq!(rewrap(&moved), None);
        assert_eq!(moved[1..5], both.key_ids().next().unwrap().1);

        let retired = ring_of(&[new]);
        assert_eq!(
            retired
                .unwrap(key.id(), ORGANIZATION, SUBJECT, &wrapped)
                .err(),
            Some(SealError::UnknownKey)
        );

        let key = retired
            .unwrap(key.id(), ORGANIZATION, SUBJECT, &moved)
            .unwrap();
        assert_eq!(&**key.open(&CELL, &sealed).unwrap(), b"value");
    }
}
