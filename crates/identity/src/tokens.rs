use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use mainstay_crypto::token_digest;
use mainstay_http::view;
use mainstay_kernel::{ExposeSecret as _, SecretString, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use time::Duration;

/// `typ` of an access token (RFC 9068 §2.1): an ID token or anything else that we might sign is not one.
const TYPE: &str = "at+jwt";

/// An Ed25519 key that signs access tokens (RFC 8032, RFC 8037).
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    public: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// The signing key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an Ed25519 key in PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it")]
pub struct KeyError;

impl SigningKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyError`] when it is another kind of key, or none.
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let signing = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes()).map_err(|_| KeyError)?;
        let pair = Ed25519KeyPair::from_pkcs8(signing.as_bytes()).map_err(|_| KeyError)?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let verifying = DecodingKey::from_ed_components(&public).map_err(|_| KeyError)?;
        Ok(Self { id: thumbprint(&public), public, signing, verifying })
    }

    /// Makes a key, in the form that [`from_pem`](Self::from_pem) reads.
    ///
    /// # Errors
    /// [`KeyError`] when the system has no random bytes to give.
    pub fn generate() -> Result<SecretString, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError)?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let lines: Vec<_> =
            encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Ok(pem.into())
    }
}

/// Issues and verifies access tokens: JWT as RFC 9068 profiles it, held to RFC 8725.
#[derive(Clone)]
pub struct TokenKeys {
    current: SigningKey,
    issuer: String,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// What a verified token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) session: SessionId,
    not_before: i64,
    expires: i64,
}

/// A public key (RFC 7517, RFC 8037).
#[view]
pub(crate) struct Jwk {
    /// Key type: an octet key pair.
    kty: &'static str,
    /// Curve.
    crv: &'static str,
    /// The only algorithm it is for.
    alg: &'static str,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// Which key: the RFC 7638 thumbprint.
    kid: String,
    /// The public key.
    x: String,
}

impl TokenKeys {
    /// Signs with `key` in the name of `issuer`, which is also the audience: these tokens are for this API alone.
    pub fn new(key: SigningKey, issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // Times are compared below, with the clock that is handed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { current: key, issuer: issuer.to_owned(), validation }
    }

    pub(crate) fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<SecretString, KeyError> {
        let now = now.unix_timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: user,
            sid: session,
            iat: now,
            nbf: now,
            exp: now + lifetime.whole_seconds(),
        };
        let header =
            Header { typ: Some(TYPE.to_owned()), kid: Some(self.current.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.current.signing).map(Into::into).map_err(|_| KeyError)
    }

    /// Checks everything but the time. The key is the one that `kid` names among ours: a key that a token brings along
    /// (`jwk`, `jku`, `x5u`) is never looked at.
    pub(crate) fn verify(&self, token: &str) -> Result<Verified, &'static str> {
        let header = decode_header(token).map_err(|_| "no token")?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err("not an access token");
        }
        if header.kid.as_deref() != Some(self.current.id.as_str()) {
            return Err("signed by an unknown key");
        }
        let token = decode::<Claims>(token, &self.current.verifying, &self.validation).map_err(|_| "forged")?;
        let Claims { sid, nbf, exp, .. } = token.claims;
        Ok(Verified { session: sid, not_before: nbf, expires: exp })
    }

    pub(crate) fn public(&self) -> Vec<Jwk> {
        vec![Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: self.current.id.clone(),
            x: self.current.public.clone(),
        }]
    }
}

impl Verified {
    /// When the token ends, in seconds since 1970.
    pub(crate) fn expires(&self) -> i64 {
        self.expires
    }

    /// Whether the token is valid at `now`. The issuer and the verifier share one clock, so there is no leeway.
    pub(crate) fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..self.expires).contains(&now.unix_timestamp())
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("kid", &self.current.id).field("issuer", &self.issuer).finish()
    }
}

/// RFC 7638 §3, with the members that RFC 8037 §2 requires.
fn thumbprint(public: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(token_digest(members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::Runtime;

    use super::*;

    fn keys(issuer: &str) -> TokenKeys {
        TokenKeys::new(SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap(), issuer)
    }

    #[test]
    fn a_token_is_valid_from_its_making_to_its_end() {
        let (keys, runtime) = (keys("https://api.example"), Runtime::default());
        let (session, now) = (runtime.new_id(), runtime.clock.now());
        let token = keys.issue(runtime.new_id(), session, now, Duration::minutes(5)).unwrap();
        let verified = keys.verify(token.expose_secret()).unwrap();
        assert_eq!(verified.session, session);
        assert!(verified.is_valid_at(now + Duration::minutes(4)));
        assert!(!verified.is_valid_at(now + Duration::minutes(5)));
        assert!(!verified.is_valid_at(now - Duration::minutes(1)));
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let known = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), known);
    }

    /// OWASP ASVS 9.1.1, 9.1.2, 9.2.2, 9.2.3.
    #[test]
    fn another_key_issuer_type_or_algorithm_is_refused() {
        let (ours, runtime) = (keys("https://api.example"), Runtime::default());
        let issue = |keys: &TokenKeys| {
            keys.issue(runtime.new_id(), runtime.new_id(), runtime.clock.now(), Duration::minutes(5)).unwrap()
        };
        assert!(ours.verify(issue(&keys("https://api.example")).expose_secret()).is_err());
        let other_issuer = TokenKeys::new(ours.current.clone(), "https://other.example");
        assert!(ours.verify(issue(&other_issuer).expose_secret()).is_err());

        let token = issue(&ours);
        let [_, payload, signature] = token.expose_secret().split('.').collect::<Vec<_>>()[..] else { panic!() };
        let with_header = |header: String| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
        let kid = &ours.current.id;
        for header in [
            format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#),
            r#"{"alg":"EdDSA","typ":"at+jwt"}"#.to_owned(),
        ] {
            assert!(ours.verify(&with_header(header.clone())).is_err(), "{header}");
        }
        let unsigned = token.expose_secret().rsplit_once('.').unwrap().0.to_owned() + ".";
        assert!(ours.verify(&unsigned).is_err());
    }
}
