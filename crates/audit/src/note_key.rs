//! The keys of signed notes: C2SP `signed-note`, Ed25519 (RFC 8032).

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::tree::hash;

/// The signature type of Ed25519 in the hash and text of a key.
const ED25519_KIND: u8 = 1;

/// A key that signs notes.
pub(crate) struct NoteSigner {
    key: NoteKey,
    pair: Ed25519KeyPair,
}

/// A public key, in the format `name+hash+key` that auditors keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: [u8; 32],
}

/// Why a note or key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note of a checkpoint.
    #[error("not a signed checkpoint")]
    Malformed,
    /// None of the given keys signed it.
    #[error("not signed by a trusted key")]
    UnknownKey,
    /// The signature does not match the key that it names.
    #[error("the signature is invalid")]
    BadSignature,
    /// Not a public key in the format `name+hash+key`.
    #[error("not a key of the form name+hash+base64")]
    MalformedKey,
}

impl NoteSigner {
    /// Creates a key from a seed; `None` if the seed is invalid.
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

    /// Signs `text`, which must end with a line break, as a note.
    pub(crate) fn sign_text(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signed = STANDARD.encode([&self.key.hash(), signature.as_ref()].concat());
        format!("{text}\n— {} {signed}\n", self.key.name)
    }
}

impl NoteKey {
    /// Name of the log that this key signs.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether a signature with this name and hash names this key.
    pub(crate) fn is_named(&self, name: &str, hash: [u8; 4]) -> bool {
        self.name == name && self.hash() == hash
    }

    /// Whether `signature` is this key's signature of `text`.
    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(text.as_bytes(), signature)
            .is_ok()
    }

    /// The hash that identifies the key in signatures: the first four bytes of a digest over name
    /// and key.
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
        let is_valid =
            is_name(name) && named_hash == format!("{:08x}", u32::from_be_bytes(key.hash()));

        is_valid.then_some(key).ok_or(NoteError::MalformedKey)
    }
}

/// Whether this is a valid name of a log: not empty, and without spaces and plus signs.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
}
