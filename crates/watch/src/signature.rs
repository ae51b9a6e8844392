//! The signatures of webhooks.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay_kernel::{ExposeSecret as _, SecretString};
use secrecy::zeroize::Zeroizing;

/// Signs messages as specified by Standard Webhooks: HMAC-SHA256 over ID, time and body, which
/// protects against changes and replays. The crate `standardwebhooks` brings a second SHA-256
/// beside that of `aws-lc-rs`, and signs with one secret.
#[derive(Clone)]
pub(crate) struct Signer(Arc<[Key]>);

impl Signer {
    /// Parses one secret, or two while receivers switch from one to the other.
    pub(crate) fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let keys = text
            .expose_secret()
            .split_whitespace()
            .map(key)
            .collect::<Result<Arc<[_]>, _>>()?;

        if (1..=2).contains(&keys.len()) {
            Ok(Self(keys))
        } else {
            Err("must be one secret, or two separated by a space")
        }
    }

    /// The value of the header `webhook-signature`: one signature per secret.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let content = format!("{id}.{seconds}.{body}");
        let signatures = self
            .0
            .iter()
            .map(|key| format!("v1,{}", STANDARD.encode(sign(key, content.as_bytes()))));

        signatures.collect::<Vec<_>>().join(" ")
    }
}

fn key(text: &str) -> Result<Key, &'static str> {
    const WRONG: &str = "must be whsec_ and 24 to 64 bytes in Base64";

    let encoded = text.strip_prefix("whsec_").ok_or(WRONG)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| WRONG)?);

    if (24..=64).contains(&bytes.len()) {
        Ok(Key::new(HMAC_SHA256, &bytes))
    } else {
        Err(WRONG)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example in the libraries of Standard Webhooks.
    #[test]
    fn a_known_message_has_the_known_signature() {
        let signer = Signer::parse(&SECRET.into()).unwrap();
        let signature = signer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_both_sign() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = Signer::parse(&format!("{SECRET} {other}").into())
            .unwrap()
            .sign("id", 1, "{}");
        let each = [SECRET, &other]
            .map(|secret| Signer::parse(&secret.into()).unwrap().sign("id", 1, "{}"));
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn an_invalid_secret_is_refused_and_debug_shows_none() {
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        let three = [SECRET; 3].join(" ");

        for text in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
            "whsec_aHVudGVyMg==",
            &long,
            &three,
        ] {
            assert!(Signer::parse(&text.into()).is_err(), "{text}");
        }

        assert_eq!(
            format!("{:?}", Signer::parse(&SECRET.into()).unwrap()),
            "Signer"
        );
    }
}
