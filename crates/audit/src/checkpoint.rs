//! Checkpoints as signed notes, as specified by C2SP `tlog-checkpoint` and `signed-note`, with
//! Ed25519 (RFC 8032).
//!
//! ```text
//! api.example.org/audit
//! 1024
//! 3yyQ…=
//!
//! — api.example.org/audit Zk1u…=
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    note_key::{NoteError, NoteKey, NoteSigner, is_name},
    tree::Hash,
};

/// The state of a log at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash over the leaves.
    pub root: Hash,
}

impl NoteSigner {
    /// Signs a checkpoint of this key's log.
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: self.key().name().to_owned(),
            size,
            root,
        };
        self.sign_text(&checkpoint.to_string())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }
}

impl Checkpoint {
    /// Parses a note without checking its signature.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let (text, _) = parts(note)?;
        let lines: Vec<_> = text
            .strip_suffix('\n')
            .unwrap_or(text)
            .split('\n')
            .collect();
        let [origin, size, root] = lines[..] else {
            return Err(NoteError::Malformed);
        };

        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|root| root.try_into().ok());
        let (Ok(size), Some(root)) = (size.parse(), root) else {
            return Err(NoteError::Malformed);
        };

        let checkpoint = Self {
            origin: origin.to_owned(),
            size,
            root,
        };

        // Only the canonical form is accepted.
        let is_canonical = is_name(origin) && checkpoint.to_string() == text;
        is_canonical
            .then_some(checkpoint)
            .ok_or(NoteError::Malformed)
    }

    /// Parses a note and verifies that one of `keys` signed it.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn verify(note: &str, keys: &[NoteKey]) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(note)?;
        let (text, signatures) = parts(note)?;
        let mut is_signed = false;
        for line in signatures.lines() {
            let signed = line
                .strip_prefix("— ")
                .and_then(|line| line.split_once(' '))
                .ok_or(NoteError::Malformed)?;

            let (name, signed) = (
                signed.0,
                STANDARD
                    .decode(signed.1)
                    .map_err(|_| NoteError::Malformed)?,
            );
            let Some((named_hash, signature)) = signed.split_first_chunk::<4>() else {
                return Err(NoteError::Malformed);
            };

            // A note may also carry signatures of unknown keys.
            for key in keys.iter().filter(|key| key.is_named(name, *named_hash)) {
                if !key.has_signed(text, signature) {
                    return Err(NoteError::BadSignature);
                }
                is_signed |= key.name() == checkpoint.origin;
            }
        }

        is_signed.then_some(checkpoint).ok_or(NoteError::UnknownKey)
    }
}

/// Splits a note into the signed text and the signature lines.
fn parts(note: &str) -> Result<(&str, &str), NoteError> {
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
    let is_complete = !signatures.is_empty() && signatures.ends_with('\n');

    // The signed text includes its line break.
    is_complete
        .then(|| (&note[..=text.len()], signatures))
        .ok_or(NoteError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "api.example.org/audit";

    fn signer(seed: u8) -> NoteSigner {
        NoteSigner::from_seed(NAME, &[seed; 32]).unwrap()
    }

    #[test]
    fn a_signed_note_verifies() {
        let signer = signer(7);
        let note = signer.sign(42, [9; 32]);
        let lines: Vec<_> = note.lines().collect();

        assert_eq!(
            lines[..4],
            [
                NAME,
                "42",
                "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
                ""
            ]
        );
        assert!(lines[4].starts_with("— api.example.org/audit "));

        let read = Checkpoint::verify(&note, &[signer.key().clone()]).unwrap();
        assert_eq!(
            read,
            Checkpoint {
                origin: NAME.to_owned(),
                size: 42,
                root: [9; 32]
            }
        );
    }

    /// The example key and note in C2SP signed-note, signed by another implementation.
    #[test]
    fn the_example_in_the_specification_verifies() {
        let key: NoteKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        assert_eq!(
            key.to_string(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );

        let text = concat!(
            "If you think cryptography is the answer to your problem,\n",
            "then you don't know what your problem is.\n",
        );
        let signed = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let bytes = STANDARD.decode(signed).unwrap();

        let (hash, signature) = bytes.split_first_chunk().unwrap();

        assert!(key.is_named("PeterNeumann", *hash));
        assert!(key.has_signed(text, signature));
    }

    #[test]
    fn an_altered_note_is_refused() {
        let signer = signer(7);
        let keys = [signer.key().clone()];
        let note = signer.sign(42, [9; 32]);
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut altered = note.clone().into_bytes();
                altered[at] ^= 1 << bit;
                let Ok(altered) = String::from_utf8(altered) else {
                    continue;
                };
                assert!(Checkpoint::verify(&altered, &keys).is_err(), "{altered}");
            }
        }

        for end in (0..note.len()).filter(|end| note.is_char_boundary(*end)) {
            assert!(Checkpoint::verify(&note[..end], &keys).is_err());
        }

        assert!(Checkpoint::verify(&format!("{note}\n"), &keys).is_err());
        assert!(Checkpoint::verify(&format!("\n{note}"), &keys).is_err());
        assert!(Checkpoint::verify(&note.replace("42", "042"), &keys).is_err());

        let other = [super::tests::signer(8).key().clone()];
        assert_eq!(
            Checkpoint::verify(&note, &other),
            Err(NoteError::UnknownKey)
        );
    }

    #[test]
    fn only_the_canonical_form_of_a_key_is_accepted() {
        let key = signer(7).key().clone();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));

        for wrong in [
            &text[1..],
            &text.replace('+', " "),
            &text.replace("api", "apj"),
            "",
            "a+b+c",
            "a+00000000+AQ==",
        ] {
            assert_eq!(
                wrong.parse::<NoteKey>(),
                Err(NoteError::MalformedKey),
                "{wrong}"
            );
        }
    }
}
