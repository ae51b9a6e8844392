//! Checkpoints as signed notes: C2SP `tlog-checkpoint` in C2SP `signed-note`, Ed25519 (RFC 8032).
//!
//! ```text
//! api.example.org/audit
//! 1024
//! 3yyQ…=
//!
//! — api.example.org/audit Zk1u…=
//! ```

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::tree::{Hash, hash};

/// The kind of signature in a key's hash and text: Ed25519.
const ED25519_KIND: u8 = 1;

/// What a log was at some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What the log is called.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A key that signs notes.
pub(crate) struct NoteSigner {
    key: NoteKey,
    pair: Ed25519KeyPair,
}

/// The public half, as an auditor keeps it: `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: [u8; 32],
}

/// Why a note or key is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note of a checkpoint.
    #[error("it is no signed checkpoint")]
    Malformed,
    /// Nobody known has signed it.
    #[error("it is signed by none of the keys that are believed")]
    UnknownKey,
    /// The signature is not that of the key that it names.
    #[error("its signature is not that of the key")]
    BadSignature,
    /// Not a verifier key.
    #[error("it is no key such as name+hash+base64")]
    MalformedKey,
}

impl NoteSigner {
    /// A key from its seed; `None` for bytes that make none.
    pub(crate) fn from_seed(name: &str, seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self {
            key: NoteKey {
                name: name.to_owned(),
                public,
            },
            pair,
        })
    }

    pub(crate) fn key(&self) -> &NoteKey {
        &self.key
    }

    /// The checkpoint of this key's log, signed.
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: self.key.name.clone(),
            size,
            root,
        };
        let text = checkpoint.to_string();
        let signature = self.pair.sign(text.as_bytes());
        let signed = STANDARD.encode([&self.key.hash(), signature.as_ref()].concat());
        format!("{text}\n— {} {signed}\n", self.key.name)
    }
}

impl NoteKey {
    /// What the log of this key is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The key's hash in signatures: the first four bytes of a digest over name and key.
    fn hash(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = hash(&[self.name.as_bytes(), b"\n", &[ED25519_KIND], &self.public]);
        [a, b, c, d]
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_KIND][..], &self.public].concat());
        write!(
            f,
            "{}+{:08x}+{key}",
            self.name,
            u32::from_be_bytes(self.hash())
        )
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, named_hash, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(named_hash), Some(key)) = (name, named_hash, key) else {
            return Err(NoteError::MalformedKey);
        };

        let bytes = STANDARD.decode(key).map_err(|_| NoteError::MalformedKey)?;
        let Some((&ED25519_KIND, public)) = bytes.split_first() else {
            return Err(NoteError::MalformedKey);
        };

        let public = public.try_into().map_err(|_| NoteError::MalformedKey)?;
        let key = Self {
            name: name.to_owned(),
            public,
        };
        let is_itself =
            is_name(name) && named_hash == format!("{:08x}", u32::from_be_bytes(key.hash()));

        is_itself.then_some(key).ok_or(NoteError::MalformedKey)
    }
}

/// Whether a log may be called so: not empty, and neither space nor plus in it.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
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
    /// What a note says, whoever signed it.
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

        // One checkpoint has one spelling.
        let is_itself = is_name(origin) && checkpoint.to_string() == text;
        is_itself.then_some(checkpoint).ok_or(NoteError::Malformed)
    }

    /// What a note says that one of `keys` has signed.
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

            // Signatures of others may stand beside ours.
            for key in keys
                .iter()
                .filter(|key| key.name == name && key.hash() == *named_hash)
            {
                let verified = UnparsedPublicKey::new(&ED25519, &key.public)
                    .verify(text.as_bytes(), signature);
                verified.map_err(|_| NoteError::BadSignature)?;
                is_signed |= key.name == checkpoint.origin;
            }
        }

        is_signed.then_some(checkpoint).ok_or(NoteError::UnknownKey)
    }
}

/// The text that is signed, and the lines of signatures.
fn parts(note: &str) -> Result<(&str, &str), NoteError> {
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
    let whole = !signatures.is_empty() && signatures.ends_with('\n');
    // The line end belongs to the text.
    whole
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
    fn a_note_is_read_as_it_was_signed() {
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

    /// The key and note of C2SP signed-note's own example, which another implementation signed.
    #[test]
    fn the_note_of_the_specification_verifies() {
        let key: NoteKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        assert_eq!(
            key.to_string(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );

        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signed = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let bytes = STANDARD.decode(signed).unwrap();

        assert_eq!(bytes[..4], key.hash());

        UnparsedPublicKey::new(&ED25519, key.public())
            .verify(text.as_bytes(), &bytes[4..])
            .unwrap();
    }

    #[test]
    fn no_altered_note_is_believed() {
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
    fn a_key_has_one_spelling_and_belongs_to_its_name() {
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
