//! Sealed cursors: the position at which a listing continues, held by a client that can neither
//! read nor change it.
//!
//! A cursor is base64url of `version (1) | root key id (4) | nonce (12) | ciphertext | tag (16)`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_kernel::Random;

use crate::{KeyRing, SealError, associated_data::AssociatedData};

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 5;

impl KeyRing {
    /// Seals `payload` with the primary key, as base64url without padding. `context` names the
    /// listing and its filters: the cursor can only be opened with the same context.
    pub fn seal_cursor(&self, random: &Random, context: &[u8], payload: &[u8]) -> String {
        let root = self.primary();
        let [a, b, c, d] = root.id;
        let header = [VERSION, a, b, c, d];
        URL_SAFE_NO_PAD.encode(
            root.cursor
                .seal(random, &header, &place(&header, context), payload),
        )
    }

    /// Opens a cursor that [`seal_cursor`](Self::seal_cursor) made for the same context.
    ///
    /// # Errors
    /// [`SealError::Malformed`] if `text` is not a cursor, [`SealError::UnknownKey`] if its root
    /// key is no longer on the ring, [`SealError::Refused`] if it was altered or made for another
    /// context.
    pub fn open_cursor(&self, context: &[u8], text: &str) -> Result<Vec<u8>, SealError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| SealError::Malformed)?;
        let Some((header @ &[VERSION, a, b, c, d], sealed)) =
            bytes.split_first_chunk::<HEADER_LENGTH>()
        else {
            return Err(SealError::Malformed);
        };

        let root = self.root([a, b, c, d])?;
        Ok(root.cursor.open(&place(header, context), sealed)?.to_vec())
    }
}

fn place(header: &[u8; HEADER_LENGTH], context: &[u8]) -> AssociatedData {
    AssociatedData::new(header, [b"cursor", context])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ring::tests::ring_of;

    fn ring() -> KeyRing {
        ring_of(&[KeyRing::generate(&Random::default())])
    }

    proptest! {
        #[test]
        fn a_cursor_opens_as_it_was_sealed(context: Vec<u8>, payload: Vec<u8>) {
            let ring = ring();
            let text = ring.seal_cursor(&Random::default(), &context, &payload);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(ring.open_cursor(&context, &text), Ok(payload));
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text: String) {
            prop_assert!(ring().open_cursor(b"", &text).is_err());
        }
    }

    #[test]
    fn a_cursor_of_another_listing_or_ring_is_refused() {
        let ring = ring();
        let text = ring.seal_cursor(&Random::default(), b"customers", b"payload");
        assert_eq!(
            ring.open_cursor(b"invoices", &text),
            Err(SealError::Refused)
        );
        assert_eq!(
            self::ring().open_cursor(b"customers", &text),
            Err(SealError::UnknownKey)
        );
    }

    #[test]
    fn a_cursor_with_a_changed_letter_is_refused() {
        let ring = ring();
        let text = ring.seal_cursor(&Random::default(), b"customers", b"payload");
        for at in 0..text.len() {
            for letter in ["A", "b", "7", "_"] {
                let mut altered = text.clone();
                altered.replace_range(at..=at, letter);
                assert_eq!(
                    ring.open_cursor(b"customers", &altered).is_ok(),
                    altered == text,
                    "letter {at}"
                );
            }
        }
    }

    #[test]
    fn the_payload_is_not_readable() {
        let ring = ring();
        let text = ring.seal_cursor(&Random::default(), b"", b"canary canary canary");
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}
