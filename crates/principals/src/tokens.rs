//! Access tokens: their claims, their signature and their verification. For the keys, see
//! `signing.rs`.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode};
use mainstay_access::Permissions;
use mainstay_kernel::{SecretString, SessionId, Timestamp, UserId, Uuid};
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{
    leeway::CLOCK_LEEWAY,
    signing::key::{Key, KeyError, KeyId},
};

/// `typ` of an access token (RFC 9068 §2.1). It tells access tokens from ID tokens and everything
/// else signed with these keys. The longer `application/at+jwt` is refused: only this service
/// issues these tokens, and it writes the short form.
const TYPE: &str = "at+jwt";

/// The only algorithm (RFC 8037 §3.1), as written in the header.
const ALGORITHM: &str = "EdDSA";

/// The content of a new access token.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// The client that it is for.
    pub(crate) client: String,
    /// The scope.
    pub(crate) scope: String,
    pub(crate) lifetime: Duration,
}

/// Issues and verifies access tokens: JWTs by the profile of RFC 9068 and the best practices of RFC
/// 8725.
pub(crate) struct Tokens {
    issuer: String,
    validation: Validation,
}

/// The header of a token. Other members are refused before they are interpreted: keys that a token
/// contains or links to (`jwk`, `jku`, `x5c`, `x5u`) and critical extensions (`crit`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The content of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The session that it belongs to.
    pub session: SessionId,
    pub(crate) key: KeyId,
    /// The token's scope; `None` for a token of an earlier release, which had none.
    pub scope: Option<Arc<Permissions>>,
    not_before: i64,
    expires: i64,
}

impl Tokens {
    /// Creates the issuer of tokens for this API: `issuer` is also their audience.
    pub(crate) fn new(issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // `check_time` checks the times, against an injected clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;

        Self {
            issuer: issuer.to_owned(),
            validation,
        }
    }

    /// Signs a token that is valid from `now` on. `id` is its `jti`.
    pub(crate) fn issue(
        &self,
        key: &Key,
        new: NewToken,
        id: Uuid,
        now: Timestamp,
    ) -> Result<SecretString, KeyError> {
        let signing = key.signing.as_ref().ok_or(KeyError("no longer signs"))?;
        let now = now.unix_timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: new.user,
            sid: new.session,
            client_id: Some(new.client),
            scope: Some(new.scope),
            jti: id,
            iat: now,
            nbf: now,
            exp: now + new.lifetime.whole_seconds(),
        };

        let kid = Some(key.id.to_string());
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid,
            ..Header::new(Algorithm::EdDSA)
        };

        encode(&header, &claims, signing)
            .map(Into::into)
            .map_err(|_| KeyError("cannot sign"))
    }

    /// Reads the key that a token names. Refuses a header that this service does not write.
    pub(crate) fn key_of(token: &str) -> Result<KeyId, &'static str> {
        let (header, _) = token.split_once('.').ok_or("malformed token")?;
        let bytes = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| "malformed token")?;

        // serde would also accept an array for the struct.
        let head = bytes
            .starts_with(b"{")
            .then(|| serde_json::from_slice::<Head>(&bytes).ok())
            .flatten();
        let head = head.ok_or("unexpected token header")?;

        if head.alg != ALGORITHM {
            return Err("unexpected algorithm");
        }
        if head.typ != TYPE {
            return Err("not an access token");
        }

        KeyId::parse(&head.kid).ok_or("signed by an unknown key")
    }

    /// Verifies everything except the times. `key` is the key that [`key_of`](Self::key_of) names.
    pub(crate) fn verify(&self, token: &str, key: &Key) -> Result<Verified, &'static str> {
        let Claims {
            sid,
            scope,
            iat,
            nbf,
            exp,
            ..
        } = decode(token, &key.verifying, &self.validation)
            .map_err(|_| "invalid signature or claims")?
            .claims;

        if iat < 0 {
            return Err("negative time of issue");
        }

        let scope = scope.map(|scope| Arc::new(scope.split(' ').collect()));

        Ok(Verified {
            session: sid,
            key: key.id,
            scope,
            not_before: nbf.max(iat),
            expires: exp,
        })
    }
}

impl Verified {
    /// When the token expires, as a Unix timestamp.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Checks the token's times at `now`. The clock of the replica that issued it may be ahead by
    /// [`CLOCK_LEEWAY`]; there is no leeway for the end.
    ///
    /// # Errors
    /// The check that failed, for the log.
    pub fn check_time(&self, now: Timestamp) -> Result<(), &'static str> {
        if self.expires <= now.unix_timestamp() {
            return Err("the token has expired");
        }
        if self.not_before > (now + CLOCK_LEEWAY).unix_timestamp() {
            return Err("the token is not yet valid: the clocks of replicas differ");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
