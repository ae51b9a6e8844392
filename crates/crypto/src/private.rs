//! Private boxes: data of the service itself in the database, such as the payload of a job or a
//! signing key.
//!
//! A box is `version (1) | root key id (4) | nonce (12) | ciphertext | tag (16)`. Seal personal
//! data with the subject's data key instead ([`Sealed`](crate::Sealed)): a private box stays
//! readable after an erasure.

use mainstay_kernel::Random;
use zeroize::Zeroizing;

use crate::{KeyRing, SealError, associated_data::AssociatedData};

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 5;

impl KeyRing {
    /// Seals `payload` with the primary key. `purpose` and `context` say what it is for and where
    /// it is stored: the box can only be opened with the same ones.
    pub fn seal_private(
        &self,
        random: &Random,
        purpose: &'static str,
        context: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let root = self.primary();
        let [a, b, c, d] = root.id;
        let header = [VERSION, a, b, c, d];
        root.private
            .seal(random, &header, &place(&header, purpose, context), payload)
    }

    /// Opens a box that [`seal_private`](Self::seal_private) made for the same purpose and context.
    ///
    /// # Errors
    /// [`SealError::Malformed`] for an unknown format, [`SealError::UnknownKey`] if its root key is
    /// no longer on the ring, [`SealError::Refused`] if it was altered or made for another purpose
    /// or context.
    pub fn open_private(
        &self,
        purpose: &'static str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let Some((header @ &[VERSION, a, b, c, d], body)) =
            sealed.split_first_chunk::<HEADER_LENGTH>()
        else {
            return Err(SealError::Malformed);
        };

        self.root([a, b, c, d])?
            .private
            .open(&place(header, purpose, context), body)
    }

    /// Seals a box again with the primary key. `None` if it is sealed with it already.
    ///
    /// # Errors
    /// Like [`open_private`](Self::open_private).
    pub fn reseal_private(
        &self,
        random: &Random,
        purpose: &'static str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        let payload = self.open_private(purpose, context, sealed)?;
        let moved = sealed.get(1..HEADER_LENGTH) != Some(&self.primary().id[..]);
        Ok(moved.then(|| self.seal_private(random, purpose, context, &payload)))
    }
}

fn place(header: &[u8; HEADER_LENGTH], purpose: &str, context: &[u8]) -> AssociatedData {
    AssociatedData::new(header, [b"private", purpose.as_bytes(), context])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::ring_of;

    #[test]
    fn a_box_opens_only_for_its_purpose_and_context() {
        let (random, ring) = (
            Random::default(),
            ring_of(&[KeyRing::generate(&Random::default())]),
        );
        let sealed = ring.seal_private(&random, "job", b"1", b"payload");

        assert_eq!(
            &**ring.open_private("job", b"1", &sealed).unwrap(),
            b"payload"
        );
        assert_eq!(
            ring.open_private("job", b"2", &sealed).err(),
            Some(SealError::Refused)
        );
        assert_eq!(
            ring.open_private("jo", b"b1", &sealed).err(),
            Some(SealError::Refused)
        );

        let stranger = ring_of(&[KeyRing::generate(&random)]);
        assert_eq!(
            stranger.open_private("job", b"1", &sealed).err(),
            Some(SealError::UnknownKey)
        );

        let moved =
            ring_of(&[KeyRing::generate(&random)]).reseal_private(&random, "job", b"1", &sealed);
        assert_eq!(moved, Err(SealError::UnknownKey));

        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(
                ring.open_private("job", b"1", &altered).is_err(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_box_moves_to_the_primary_once() {
        let random = Random::default();
        let (old, new) = (KeyRing::generate(&random), KeyRing::generate(&random));
        let sealed =
            ring_of(std::slice::from_ref(&old)).seal_private(&random, "job", b"1", b"payload");
        let both = ring_of(&[new.clone(), old]);
        let moved = both
            .reseal_private(&random, "job", b"1", &sealed)
            .unwrap()
            .unwrap();

        assert_eq!(both.reseal_private(&random, "job", b"1", &moved), Ok(None));
        assert_eq!(
            &**ring_of(&[new]).open_private("job", b"1", &moved).unwrap(),
            b"payload"
        );
    }
}
