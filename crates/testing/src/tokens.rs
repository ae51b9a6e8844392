//! Tokens that a service must refuse, made from one that it would take.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A token whose three parts can be changed, each by itself.
#[derive(Clone)]
pub struct Token {
    header: Value,
    claims: Value,
    signature: String,
}

impl Token {
    /// Takes a token apart.
    ///
    /// # Panics
    /// When it is no JWT.
    pub fn of(text: &str) -> Self {
        let [header, claims, signature] = text.split('.').collect::<Vec<_>>()[..] else {
            panic!("a token has three parts")
        };
        let read = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        Self { header: read(header), claims: read(claims), signature: signature.to_owned() }
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

    /// Says that there is no signature, and leaves it out (RFC 8725 §2.1).
    #[must_use]
    pub fn unsigned(mut self, spelling: &str) -> Self {
        self.signature.clear();
        self.with_header("alg", spelling)
    }

    /// Signs with a key of the attacker's own.
    #[must_use]
    pub fn signed_by_another_key(mut self) -> Self {
        self.signature = URL_SAFE_NO_PAD.encode(another_key().sign(self.signed_text().as_bytes()));
        self
    }

    /// Signs with a key of the attacker's own, and brings the public key along (RFC 8725 §3.10).
    #[must_use]
    pub fn signed_by_the_key_it_brings(self) -> Self {
        let key = another_key();
        let public = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
        let mut forged =
            self.with_header("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": public }));
        forged.signature = URL_SAFE_NO_PAD.encode(key.sign(forged.signed_text().as_bytes()));
        forged
    }

    /// Signs by HMAC with the public key as the secret (RFC 8725 §2.1). `public` is the member `x` of the JWK.
    #[must_use]
    pub fn signed_with_the_public_key(self, public: &str) -> Self {
        let mut forged = self.with_header("alg", "HS256");
        let secret = URL_SAFE_NO_PAD.decode(public).expect("base64url");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), forged.signed_text().as_bytes());
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

fn another_key() -> Ed25519KeyPair {
    Ed25519KeyPair::generate().expect("the system has random bytes")
}
