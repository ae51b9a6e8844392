//! AES-256-GCM with a random nonce: the only cipher for cells, wrapped data keys, cursors and
//! private boxes.
//!
//! A box is `header | nonce (12) | ciphertext | tag (16)`. The callers define the header and choose
//! the key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use mainstay_kernel::Random;
use smallvec::SmallVec;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{SealError, associated_data::AssociatedData};

/// The length of an AES-256 key, in bytes.
pub(crate) const KEY_LENGTH: usize = 32;
const TAG_LENGTH: usize = 16;

/// The longest plaintext that is opened on the stack, in bytes.
const ON_STACK: usize = 256;

/// The length of a box beyond its header and plaintext, in bytes.
pub(crate) const BOX_OVERHEAD: usize = NONCE_LEN + TAG_LENGTH;

/// An AES-256-GCM key with its expanded key schedule, wiped from memory when dropped: AWS-LC keeps
/// it in a block of its own on the heap, and `OPENSSL_free` overwrites every block that it frees.
/// Moving this value only copies a pointer. Registers, stack frames of the cipher, and pages in
/// swap are not wiped.
///
/// Nonces are random, so one key seals at most 2³² boxes (NIST SP 800-38D §8.3): keys are per data
/// subject, so none comes near that.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the cipher only refuses a wrong key length, and the type fixes the length"
        )]
        let key = UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Seals `plaintext` into a box that begins with `header`.
    pub(crate) fn seal(
        &self,
        random: &Random,
        header: &[u8],
        place: &AssociatedData,
        plaintext: &[u8],
    ) -> Vec<u8> {
        self.seal_with_nonce(random.bytes(), header, place.as_bytes(), plaintext)
    }

    /// Opens `sealed`, the box without its header.
    pub(crate) fn open(
        &self,
        place: &AssociatedData,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open_with(place.as_bytes(), sealed, |plaintext| {
            Zeroizing::new(plaintext.to_vec())
        })
    }

    /// The nonce is a parameter for the tests with known answers only; production code must not
    /// choose one.
    pub(crate) fn seal_with_nonce(
        &self,
        nonce: [u8; NONCE_LEN],
        header: &[u8],
        associated: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        // The capacity is exact, because a reallocation would leave plaintext behind in freed
        // memory.
        let mut sealed = Vec::with_capacity(header.len() + BOX_OVERHEAD + plaintext.len());
        sealed.extend_from_slice(header);
        sealed.extend_from_slice(&nonce);

        let start = sealed.len();
        sealed.extend_from_slice(plaintext);

        let nonce = Nonce::assume_unique_for_key(nonce);
        #[expect(
            clippy::expect_used,
            reason = "GCM only refuses plaintexts of more than 64 GiB"
        )]
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(associated), &mut sealed[start..])
            .expect("the plaintext is shorter than 64 GiB");

        sealed.extend_from_slice(tag.as_ref());

        sealed
    }

    /// Opens `sealed`, the box without its header, and reads its plaintext, which is wiped
    /// afterwards. A short plaintext is opened on the stack: a listing opens hundreds of them.
    pub(crate) fn open_with<T>(
        &self,
        associated: &[u8],
        sealed: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, SealError> {
        let (nonce, body) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Malformed)?;
        let length = body
            .len()
            .checked_sub(TAG_LENGTH)
            .ok_or(SealError::Malformed)?;

        let (ciphertext, tag) = body.split_at(length);
        let mut plaintext = Plaintext::of(length);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_separate_gather(
                nonce,
                Aad::from(associated),
                ciphertext,
                tag,
                &mut plaintext.0,
            )
            .map_err(|_| SealError::Refused)?;

        Ok(read(&plaintext.0))
    }
}

/// The place of a plaintext, on the stack if it is short. Wiped when dropped.
struct Plaintext(SmallVec<[u8; ON_STACK]>);

impl Plaintext {
    fn of(length: usize) -> Self {
        Self(SmallVec::from_elem(0, length))
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
