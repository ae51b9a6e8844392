//! Forged tokens that a service must refuse, made from a valid one.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_crypto::token_digest;
use serde_json::{Value, json};

use crate::TestApp;

/// A token whose three parts can be changed separately.
#[derive(Clone)]
pub struct Token {
    header: Value,
    claims: Value,
    signature: String,
}

impl Token {
    /// Splits a token into its parts.
    ///
    /// # Panics
    /// When the text is not a JWT.
    pub fn of(text: &str) -> Self {
        let [header, claims, signature] = text.split('.').collect::<Vec<_>>()[..] else {
            panic!("a JWT has three parts")
        };

        let read = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("the part is base64url");
            serde_json::from_slice(&bytes).expect("the part is JSON")
        };

        Self {
            header: read(header),
            claims: read(claims),
            signature: signature.to_owned(),
        }
    }

    /// The header.
    pub fn header(&self) -> &Value {
        &self.header
    }

    /// Replaces a member of the header and keeps the signature.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Replaces a claim and keeps the signature.
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// Removes the signature and sets `alg` to a spelling of `none` (RFC 8725 §2.1).
    #[must_use]
    pub fn unsigned(mut self, spelling: &str) -> Self {
        self.signature.clear();
        self.with_header("alg", spelling)
    }

    /// Signs with the attacker's key.
    #[must_use]
    pub fn signed_by_another_key(mut self) -> Self {
        self.signature = URL_SAFE_NO_PAD.encode(another_key().sign(self.signed_text().as_bytes()));
        self
    }

    /// Signs with the attacker's key and embeds its public key (RFC 8725 §3.10).
    #[must_use]
    pub fn signed_by_embedded_key(self) -> Self {
        let key = another_key();
        let public = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
        let mut forged = self.with_header(
            "jwk",
            json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": public }),
        );
        forged.signature = URL_SAFE_NO_PAD.encode(key.sign(forged.signed_text().as_bytes()));
        forged
    }

    /// Signs with the attacker's key under its correct key id. Returns the token, the key id and
    /// the public key.
    #[must_use]
    pub fn signed_by_unpublished_key(self) -> (String, String, Vec<u8>) {
        let key = another_key();
        let public = key.public_key().as_ref().to_vec();
        let members = format!(
            r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(&public)
        );
        let kid = URL_SAFE_NO_PAD.encode(token_digest(members.as_bytes()));
        let mut forged = self.with_header("kid", kid.clone());
        forged.signature = URL_SAFE_NO_PAD.encode(key.sign(forged.signed_text().as_bytes()));
        (forged.to_string(), kid, public)
    }

    /// Signs with HMAC, with the public key as the secret (RFC 8725 §2.1). `public` is the member
    /// `x` of the JWK.
    #[must_use]
    pub fn hmac_signed_with_public_key(self, public: &str) -> Self {
        let mut forged = self.with_header("alg", "HS256");
        let secret = URL_SAFE_NO_PAD
            .decode(public)
            .expect("the public key is base64url");
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            forged.signed_text().as_bytes(),
        );
        forged.signature = URL_SAFE_NO_PAD.encode(tag.as_ref());
        forged
    }

    fn signed_text(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.signed_text(), self.signature)
    }
}

/// Reads the service's signing key, as an attacker could who has the database and the key ring.
///
/// # Panics
/// When there is no key, or the ring cannot open it.
pub async fn stolen_key(app: &TestApp) -> Ed25519KeyPair {
    const NEWEST: &str = r"
        SELECT id, private
        FROM mainstay.signing_keys
        WHERE private IS NOT NULL
        ORDER BY number DESC
        LIMIT 1
    ";

    let rows = app
        .owner()
        .await
        .run(NEWEST, [])
        .await
        .expect("the keys are read");

    let (kid, sealed): (String, Vec<u8>) = (
        rows[0].get(0).expect("a key has an id"),
        rows[0].get(1).expect("a key has a private part"),
    );
    let context = URL_SAFE_NO_PAD
        .decode(kid)
        .expect("the key id is a thumbprint");
    let seed = app
        .database()
        .ring()
        .open_private("signing key", &context, &sealed)
        .expect("the ring opens the key");

    Ed25519KeyPair::from_seed_unchecked(&seed).expect("the private part is a seed")
}

fn another_key() -> Ed25519KeyPair {
    Ed25519KeyPair::generate().expect("the system has random bytes")
}
