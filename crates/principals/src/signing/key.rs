//! A signing key: its name, and how it is generated, sealed and opened.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use mainstay_crypto::{KeyRing, Zeroizing, token_digest};
use mainstay_database::PrivateColumn;
use mainstay_http::view;
use mainstay_kernel::{Random, Timestamp, Uuid};

use super::stored::StoredKey;

/// The purposes that the halves of a key are sealed for.
const PRIVATE: &str = "signing key";
const PUBLIC: &str = "signing key, public half";

/// The columns of the halves. A key's name is its thumbprint in base64url, and the sealed values
/// are bound to its bytes.
pub const HALVES: [PrivateColumn; 2] = [half("private", PRIVATE), half("public", PUBLIC)];

const fn half(column: &'static str, purpose: &'static str) -> PrivateColumn {
    let context = "decode(translate(id, '-_', '+/') || '=', 'base64')";
    PrivateColumn {
        table: "mainstay.signing_keys",
        id: "id",
        id_type: "text",
        column,
        purpose,
        context,
    }
}

/// The name of a key: its thumbprint (RFC 7638), which cannot be chosen freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyId([u8; 32]);

/// An opened Ed25519 key (RFC 8032, RFC 8037): the public half, and the private half for as long as
/// it may sign.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) created_at: Timestamp,
    pub(crate) signs_from: Timestamp,
    pub(crate) retires_at: Option<Timestamp>,
    pub(crate) verifying: DecodingKey,
    pub(crate) signing: Option<EncodingKey>,
    public: String,
}

/// A new key, sealed for the database.
pub(crate) struct NewKey {
    pub(crate) id: KeyId,
    pub(crate) public: Vec<u8>,
    pub(crate) private: Vec<u8>,
}

/// A signing key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key {0}")]
pub struct KeyError(pub(crate) &'static str);

/// A public key (RFC 7517, RFC 8037).
#[view]
pub(crate) struct Jwk {
    /// Key type: an octet key pair.
    kty: &'static str,
    /// Curve.
    crv: &'static str,
    /// The algorithm.
    alg: &'static str,
    /// The use of the key: signatures.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// The key's id: its RFC 7638 thumbprint.
    kid: String,
    /// The public key.
    x: String,
}

impl KeyId {
    /// Computes the thumbprint (RFC 7638 §3) of the members that RFC 8037 §2 requires. `public` is
    /// the member `x`.
    pub(crate) fn of(public: &str) -> Self {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        Self(token_digest(members.as_bytes()))
    }

    /// Parses a `kid`; `None` unless it is a thumbprint in canonical base64url.
    pub(crate) fn parse(kid: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(kid).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The key's id in the audit log: the first half of the thumbprint, as a custom UUID (version
    /// 8, RFC 9562 §5.8).
    pub(crate) fn uuid(self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid::from_bytes(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl NewKey {
    /// Generates a key and seals it. The public half is sealed as well, not for secrecy: otherwise
    /// anyone with write access to the database could add a key of their own.
    ///
    /// # Errors
    /// [`KeyError`] if the random bytes are not a valid seed, which does not happen.
    pub(crate) fn make(ring: &KeyRing, random: &Random) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(random.bytes::<32>());
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
            .map_err(|_| KeyError("cannot be created"))?;
        let public = pair.public_key().as_ref();
        let id = KeyId::of(&URL_SAFE_NO_PAD.encode(public));
        let seal = |purpose, half: &[u8]| ring.seal_private(random, purpose, &id.0, half);

        Ok(Self {
            id,
            public: seal(PUBLIC, public),
            private: seal(PRIVATE, &*seed),
        })
    }
}

impl Key {
    /// Opens a stored key.
    ///
    /// # Errors
    /// [`KeyError`] if the ring cannot open it, or its name is not its thumbprint.
    pub(crate) fn open(stored: &StoredKey, ring: &KeyRing) -> Result<Self, KeyError> {
        let id = KeyId::parse(&stored.id).ok_or(KeyError("has a name that is not a thumbprint"))?;
        let open = |purpose, half: &[u8]| {
            ring.open_private(purpose, &id.0, half)
                .map_err(|_| KeyError("cannot be opened with the key ring"))
        };

        let bytes = open(PUBLIC, &stored.public)?;
        let public = URL_SAFE_NO_PAD.encode(&*bytes);
        if KeyId::of(&public) != id {
            return Err(KeyError("does not match its name"));
        }

        let verifying = DecodingKey::from_ed_components(&public)
            .map_err(|_| KeyError("is not an Ed25519 key"))?;
        let signing = match &stored.private {
            Some(private) => Some(encoding_key(&open(PRIVATE, private)?, &bytes)?),
            None => None,
        };

        let StoredKey {
            created_at,
            signs_from,
            retires_at,
            ..
        } = *stored;

        Ok(Self {
            id,
            created_at,
            signs_from,
            retires_at,
            verifying,
            signing,
            public,
        })
    }

    /// Whether its tokens are accepted at `now`.
    pub(crate) fn verifies_at(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|end| now < end)
    }

    pub(crate) fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: self.id.to_string(),
            x: self.public.clone(),
        }
    }
}

fn encoding_key(seed: &[u8], public: &[u8]) -> Result<EncodingKey, KeyError> {
    let wrong = KeyError("has halves that do not match");
    let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| wrong)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| wrong)?;
    Ok(EncodingKey::from_ed_der(der.as_ref()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ring() -> KeyRing {
        KeyRing::parse(&KeyRing::generate(&Random::default())).unwrap()
    }

    /// A stored key that signs from `signs_from` on.
    pub(crate) fn stored(ring: &KeyRing, signs_from: Timestamp) -> StoredKey {
        let NewKey {
            id,
            public,
            private,
        } = NewKey::make(ring, &Random::default()).unwrap();

        StoredKey {
            id: id.to_string(),
            public,
            private: Some(private),
            created_at: signs_from,
            signs_from,
            retires_at: None,
        }
    }

    pub(crate) fn without_private(stored: StoredKey) -> StoredKey {
        StoredKey {
            private: None,
            ..stored
        }
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_thumbprint_matches_the_example_of_the_rfc() {
        let known = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(
            KeyId::of("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").to_string(),
            known
        );
        assert_eq!(
            KeyId::parse(known).map(|id| id.to_string()).as_deref(),
            Some(known)
        );
    }

    #[test]
    fn a_kid_has_one_spelling() {
        let known = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let trailing_bits = known.replace("S4k", "S4l");
        let classic = known.replace('_', "/");
        let padded = format!("{known}=");

        for wrong in [
            "",
            "a",
            &known[1..],
            &padded,
            &trailing_bits,
            &classic,
            &format!(" {known}"),
            &known.repeat(2),
        ] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
        }
    }

    /// OWASP ASVS 13.3.1, 11.2.5.
    #[test]
    fn a_stored_key_opens_only_under_its_ring_and_name() {
        let (ring, now) = (ring(), Timestamp::UNIX_EPOCH);
        let (one, other) = (stored(&ring, now), stored(&ring, now));
        let opened = Key::open(&one, &ring).unwrap();

        assert_eq!(opened.id.to_string(), one.id);
        assert!(opened.signing.is_some());
        assert!(
            Key::open(&one, &super::tests::ring()).is_err(),
            "another ring"
        );

        let refused =
            |stored: StoredKey| assert!(Key::open(&stored, &ring).is_err(), "{}", stored.id);
        refused(StoredKey {
            id: other.id.clone(),
            ..one.clone()
        });
        refused(StoredKey {
            public: other.public.clone(),
            ..one.clone()
        });
        refused(StoredKey {
            private: other.private.clone(),
            ..one.clone()
        });
        refused(StoredKey {
            public: one.private.clone().unwrap(),
            ..one.clone()
        });
        refused(StoredKey {
            private: Some(one.public.clone()),
            ..one.clone()
        });

        let wiped = Key::open(
            &StoredKey {
                private: None,
                ..one
            },
            &ring,
        )
        .unwrap();
        assert!(wiped.signing.is_none());
    }

    /// An attacker with write access to the database has a key, its name and its public half, but
    /// not the ring.
    #[test]
    fn a_key_forged_without_the_ring_is_refused() {
        let (ring, now) = (ring(), Timestamp::UNIX_EPOCH);
        let mine = Ed25519KeyPair::generate().unwrap();
        let public = mine.public_key().as_ref().to_vec();
        let id = KeyId::of(&URL_SAFE_NO_PAD.encode(&public)).to_string();

        for public in [
            public,
            stored(&ring, now).public,
            stored(&super::tests::ring(), now).public,
        ] {
            let forged = StoredKey {
                id: id.clone(),
                public,
                private: None,
                ..stored(&ring, now)
            };
            assert!(Key::open(&forged, &ring).is_err());
        }
    }
}
