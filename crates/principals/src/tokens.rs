//! Access tokens: what they say, how they are signed, and what is checked of them. Which keys there are is the business
//! of `signing.rs`.

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

/// `typ` of an access token (RFC 9068 §2.1): an ID token or anything else that we might sign is not one. The longer
/// `application/at+jwt` is not taken, since nobody but us issues these tokens and we write the short one.
const TYPE: &str = "at+jwt";

/// The only algorithm (RFC 8037 §3.1), as it stands in the header.
const ALGORITHM: &str = "EdDSA";

/// What an access token is to say.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// The client that it is for.
    pub(crate) client: String,
    /// What it may do, as a scope.
    pub(crate) scope: String,
    pub(crate) lifetime: Duration,
}

/// Issues and verifies access tokens: JWT as RFC 9068 profiles it, held to RFC 8725.
pub(crate) struct Tokens {
    issuer: String,
    validation: Validation,
}

/// The header of a token. These three members and no others: a key that a token brings along or points to (`jwk`, `jku`,
/// `x5c`, `x5u`) and an extension that it calls critical (`crit`) are refused before anything is made of them.
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

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The session that it belongs to.
    pub session: SessionId,
    pub(crate) key: KeyId,
    /// What the token says that it may do; `None` for one of an earlier release, which did not say it.
    pub scope: Option<Arc<Permissions>>,
    not_before: i64,
    expires: i64,
}

impl Tokens {
    /// Tokens in the name of `issuer`, which is also the audience: they are for this API alone.
    pub(crate) fn new(issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // Times are compared below, with the clock that is handed in.
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
        let signing = key.signing.as_ref().ok_or(KeyError("signs no more"))?;
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
            .map_err(|_| KeyError("does not sign"))
    }

    /// The key that a token says it is signed by, if its header is one that we write.
    pub(crate) fn key_of(token: &str) -> Result<KeyId, &'static str> {
        let (header, _) = token.split_once('.').ok_or("no token")?;
        let bytes = URL_SAFE_NO_PAD.decode(header).map_err(|_| "no token")?;

        // serde would take an array for a struct, too.
        let head = bytes
            .starts_with(b"{")
            .then(|| serde_json::from_slice::<Head>(&bytes).ok())
            .flatten();
        let head = head.ok_or("a header that is not ours")?;
        if head.alg != ALGORITHM {
            return Err("another algorithm");
        }
        if head.typ != TYPE {
            return Err("not an access token");
        }

        KeyId::parse(&head.kid).ok_or("signed by an unknown key")
    }

    /// Checks everything but the time. `key` is the one that [`key_of`](Self::key_of) names among ours.
    pub(crate) fn verify(&self, token: &str, key: &Key) -> Result<Verified, &'static str> {
        let Claims {
            sid,
            scope,
            iat,
            nbf,
            exp,
            ..
        } = decode(token, &key.verifying, &self.validation)
            .map_err(|_| "forged")?
            .claims;

        if iat < 0 {
            return Err("issued before time began");
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
    /// When the token ends, in seconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Checks the token's time at `now`. The replica that issued it may have a clock that is ahead of ours by
    /// [`CLOCK_LEEWAY`]; its end is its end.
    ///
    /// # Errors
    /// Which of the two checks failed, for the log.
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
