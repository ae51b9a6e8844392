//! The provider's signing keys.

use std::sync::OnceLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// How an ID token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// ES256 with the published key.
    #[default]
    Es256,
    /// RS256 with the published key.
    Rs256,
    /// ES256 with an unpublished key, under the published key's id.
    WrongKey,
    /// ES256 with an unpublished key, under an unknown id.
    UnknownKey,
    /// HS256 with the client's secret.
    Hs256,
    /// HS256 with the published key as the secret (RFC 8725 §2.1).
    Hs256WithPublicKey,
    /// Unsigned.
    None,
}

/// The provider's signing keys.
pub(super) struct Keys {
    name: String,
    curve: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
}

/// One key for all providers, since generating it takes a second.
static RSA: OnceLock<RsaKeyPair> = OnceLock::new();

fn rsa() -> &'static RsaKeyPair {
    RSA.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("the key is generated"))
}

impl Keys {
    pub(super) fn new() -> Self {
        let pair = || {
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the key is generated")
        };
        let curve = pair();
        let name = encoded(&curve.public_key().as_ref()[1..9]);
        Self {
            name,
            curve,
            stranger: pair(),
        }
    }

    /// The key set (RFC 7517, RFC 7518 §6.2 and §6.3).
    pub(super) fn public(&self) -> Value {
        let point = self.curve.public_key().as_ref();
        // DER of RFC 8017 §A.1.1: nine bytes before the 256 of the modulus.
        let modulus = &rsa().public_key().as_ref()[9..265];
        json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.name, "alg": "ES256",
              "x": encoded(&point[1..33]), "y": encoded(&point[33..]) },
            { "kty": "RSA", "use": "sig", "kid": "rsa", "alg": "RS256", "n": encoded(modulus), "e": "AQAB" },
        ] })
    }

    pub(super) fn sign(
        &self,
        signing: Signing,
        claims: &Map<String, Value>,
        client_secret: &str,
    ) -> String {
        let (algorithm, key) = match signing {
            Signing::Es256 | Signing::WrongKey => ("ES256", self.name.as_str()),
            Signing::UnknownKey => ("ES256", "unknown"),
            Signing::Rs256 => ("RS256", "rsa"),
            Signing::Hs256 | Signing::Hs256WithPublicKey => ("HS256", self.name.as_str()),
            Signing::None => ("none", self.name.as_str()),
        };

        let header = json!({ "typ": "JWT", "alg": algorithm, "kid": key });
        let text = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(json!(claims).to_string())
        );

        let signature = match signing {
            Signing::Es256 => by_curve(&self.curve, &text),
            Signing::WrongKey | Signing::UnknownKey => by_curve(&self.stranger, &text),
            Signing::Rs256 => {
                let mut signature = vec![0; rsa().public_modulus_len()];
                let signed = rsa().sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    text.as_bytes(),
                    &mut signature,
                );
                signed.expect("the text is signed");
                signature
            }
            Signing::Hs256 => by_secret(client_secret.as_bytes(), &text),
            Signing::Hs256WithPublicKey => by_secret(self.curve.public_key().as_ref(), &text),
            Signing::None => Vec::new(),
        };

        format!("{text}.{}", encoded(signature))
    }
}

fn by_curve(pair: &EcdsaKeyPair, text: &str) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), text.as_bytes())
        .expect("the text is signed")
        .as_ref()
        .to_vec()
}

fn by_secret(secret: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes())
        .as_ref()
        .to_vec()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
