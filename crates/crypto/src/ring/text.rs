//! The text form of a key ring: parsing it, refusing weak keys, and generating a new one.
//!
//! A mistake in the configuration must not print a key, so a problem shows a name only if it cannot
//! be a key: a key has 43 characters in base64 and 64 in hexadecimal, and a name at most 24.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mainstay_kernel::{Random, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use super::RootKey;
use crate::cipher::KEY_LENGTH;

const MAX_NAME_LENGTH: usize = 24;
const OPTIONAL_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_encode_padding(false);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, OPTIONAL_PADDING);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, OPTIONAL_PADDING);

/// All problems of a key ring's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the key ring is invalid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct KeyRingError(Vec<KeyProblem>);

impl KeyRingError {
    /// The problems, in the order of the entries; at least one.
    pub fn problems(&self) -> &[KeyProblem] {
        &self.0
    }
}

/// A problem of a key ring. Entries are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// There is no entry.
    #[error("it contains no key")]
    NoKey,
    /// The entry is not a short name, a colon and a key.
    #[error(
        "entry {0} is not of the form name:base64, with a name of at most 24 letters, digits, '-', '_' and '.'"
    )]
    Shape(usize),
    /// The key is not base64 or base64url.
    #[error("key {0} is not base64")]
    NotBase64(String),
    /// The key does not have 32 bytes.
    #[error("key {0} does not have 32 bytes")]
    Length(String),
    /// The key is not random: a pattern, a sequence, text, or few distinct bytes.
    #[error("key {0} is weak: it must be 32 random bytes")]
    Weak(String),
    /// An earlier entry has the same name.
    #[error("the name {0} is used twice")]
    DuplicateName(String),
    /// An earlier entry has the same key.
    #[error("key {0} is the same as an earlier one")]
    DuplicateKey(String),
}

/// Reads the primary key and the other keys.
pub(super) fn parse(text: &str) -> Result<(RootKey, Vec<RootKey>), KeyRingError> {
    let mut roots: Vec<RootKey> = Vec::new();
    let mut problems = Vec::new();
    for (index, entry) in text.split_whitespace().enumerate() {
        let parsed = parse_entry(index + 1, entry).and_then(|root| refuse_duplicates(root, &roots));
        match parsed {
            Ok(root) => roots.push(root),
            Err(problem) => problems.push(problem),
        }
    }

    if roots.is_empty() && problems.is_empty() {
        problems.push(KeyProblem::NoKey);
    }

    if !problems.is_empty() {
        return Err(KeyRingError(problems));
    }

    let others = roots.split_off(1);
    let primary = roots
        .pop()
        .ok_or_else(|| KeyRingError(vec![KeyProblem::NoKey]))?;

    Ok((primary, others))
}

/// The text of a ring with one new key.
pub(super) fn generate(random: &Random) -> SecretString {
    let key = Zeroizing::new(random.bytes::<KEY_LENGTH>());
    let encoded = Zeroizing::new(BASE64URL.encode(*key));
    let name = u32::from_be_bytes(random.bytes());
    format!("k-{name:08x}:{}", *encoded).into()
}

fn parse_entry(position: usize, entry: &str) -> Result<RootKey, KeyProblem> {
    let (name, encoded) = entry.split_once(':').ok_or(KeyProblem::Shape(position))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME_LENGTH || !name.bytes().all(allowed) {
        return Err(KeyProblem::Shape(position));
    }

    let name = name.to_owned();
    match decode(encoded) {
        Err(base64::DecodeSliceError::DecodeError(_)) => Err(KeyProblem::NotBase64(name)),
        Err(base64::DecodeSliceError::OutputSliceTooSmall) | Ok(None) => {
            Err(KeyProblem::Length(name))
        }
        Ok(Some(key)) if is_weak(&key) => Err(KeyProblem::Weak(name)),
        Ok(Some(key)) => Ok(RootKey::new(name, &key)),
    }
}

/// The key, or `None` if it is not 32 bytes long.
fn decode(encoded: &str) -> Result<Option<Zeroizing<[u8; KEY_LENGTH]>>, base64::DecodeSliceError> {
    let engine = if encoded.contains(['+', '/']) {
        BASE64
    } else {
        BASE64URL
    };

    // Twice the size, so that a key that is a little too long is not reported as invalid base64.
    let mut buffer = Zeroizing::new([0; 2 * KEY_LENGTH]);
    let length = engine.decode_slice(encoded, &mut *buffer)?;

    Ok(<[u8; KEY_LENGTH]>::try_from(&buffer[..length])
        .ok()
        .map(Zeroizing::new))
}

/// Compares keys by their ids. Two distinct keys have the same id once in 2³² pairs, and must not
/// share a ring either.
fn refuse_duplicates(root: RootKey, earlier: &[RootKey]) -> Result<RootKey, KeyProblem> {
    if earlier.iter().any(|other| other.name == root.name) {
        return Err(KeyProblem::DuplicateName(root.name));
    }
    if earlier.iter().any(|other| other.id == root.id) {
        return Err(KeyProblem::DuplicateKey(root.name));
    }

    Ok(root)
}

/// Whether these bytes are obviously not random. The probability for a random key is below 10⁻¹¹.
fn is_weak(key: &[u8; KEY_LENGTH]) -> bool {
    let is_text = key
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));

    // A constant step: all bytes are equal (0), or they count up (1), down (255) or otherwise.
    let step = key[1].wrapping_sub(key[0]);
    let is_sequence = key
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == step);

    let repeats = (1..=KEY_LENGTH / 2).any(|period| key[period..] == key[..KEY_LENGTH - period]);
    let distinct = (0..=u8::MAX).filter(|byte| key.contains(byte)).count();

    is_text || is_sequence || repeats || distinct < KEY_LENGTH / 2
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::ExposeSecret;

    use super::*;
    use crate::KeyRing;

    fn problems(text: &str) -> Vec<KeyProblem> {
        KeyRing::parse(&text.into())
            .unwrap_err()
            .problems()
            .to_vec()
    }

    fn entry(name: &str, key: &[u8]) -> String {
        format!("{name}:{}", BASE64URL.encode(key))
    }

    #[test]
    fn a_generated_ring_is_read() {
        let random = Random::default();
        let rings: Vec<_> = (0..100).map(|_| KeyRing::generate(&random)).collect();
        assert_eq!(crate::ring::tests::ring_of(&rings).key_ids().count(), 100);
    }

    #[test]
    fn each_spelling_of_base64_gives_the_same_key() {
        // Bytes whose base64 contains both characters in which the alphabets differ.
        let mut key: [u8; KEY_LENGTH] = Random::seeded(1).bytes();
        key[..3].copy_from_slice(&[0xfb, 0xef, 0xff]);

        let padded = base64::engine::general_purpose::STANDARD.encode(key);
        assert!(padded.contains('+') && padded.contains('/') && padded.ends_with('='));

        let id = |text: String| {
            KeyRing::parse(&format!("k:{text}").into())
                .unwrap()
                .key_ids()
                .next()
                .unwrap()
                .1
        };

        let first = id(padded.clone());
        assert_eq!(first, id(padded.trim_end_matches('=').to_owned()));
        assert_eq!(first, id(padded.replace('+', "-").replace('/', "_")));
        assert_eq!(first, id(BASE64URL.encode(key)));
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let key: [u8; KEY_LENGTH] = Random::seeded(2).bytes();
        let text = [
            entry("good", &key),
            entry("good", &Random::seeded(3).bytes::<KEY_LENGTH>()),
            entry("copy", &key),
            entry("short", &key[1..]),
            entry("long", &[key.as_slice(), &[1]].concat()),
            entry("longer", &[key, key, key].concat()),
            "none:".to_owned(),
            "text:*not*base64*".to_owned(),
            "nameless".to_owned(),
            entry("", &key),
        ];

        let name = |name: &str| name.to_owned();
        assert_eq!(
            problems(&text.join(" \n\t")),
            [
                KeyProblem::DuplicateName(name("good")),
                KeyProblem::DuplicateKey(name("copy")),
                KeyProblem::Length(name("short")),
                KeyProblem::Length(name("long")),
                KeyProblem::Length(name("longer")),
                KeyProblem::Length(name("none")),
                KeyProblem::NotBase64(name("text")),
                KeyProblem::Shape(9),
                KeyProblem::Shape(10),
            ]
        );
        assert_eq!(problems(" \n"), [KeyProblem::NoKey]);
    }

    #[test]
    fn weak_keys_are_refused() {
        let counting = std::array::from_fn::<u8, KEY_LENGTH, _>(|i| i as u8);
        let weak: [[u8; KEY_LENGTH]; 8] = [
            [0; KEY_LENGTH],
            [0xff; KEY_LENGTH],
            counting,
            counting.map(|byte| 0xf0 - byte),
            counting.map(|byte| byte.wrapping_mul(3)),
            *b"correct horse battery staple !!\n",
            std::array::from_fn(|i| Random::seeded(4).bytes::<16>()[i % 16]),
            Random::seeded(5)
                .bytes::<KEY_LENGTH>()
                .map(|byte| byte & 0x87),
        ];

        for key in weak {
            assert_eq!(
                problems(&entry("k", &key)),
                [KeyProblem::Weak("k".to_owned())],
                "{key:?}"
            );
        }
    }

    #[test]
    fn problems_never_show_a_key() {
        let text = KeyRing::generate(&Random::default());
        let (name, key) = text.expose_secret().split_once(':').unwrap();
        let mistakes = [
            key.to_owned(),
            format!("{key}:{name}"),
            format!("{name}:{key}*"),
            format!("{name}:{}", &key[1..]),
            format!("{name}:{key} {name}:{key} other:{key}"),
        ];

        for mistake in mistakes {
            let error = KeyRing::parse(&mistake.into()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(&key[8..24]), "{shown}");
        }
    }
}
