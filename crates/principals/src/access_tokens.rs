//! Issues and verifies access tokens. Recently verified tokens are cached in memory.

use std::time::Duration;

use mainstay_crypto::token_digest;
use mainstay_http::{INTERNAL, Problem, Refusal};
use mainstay_kernel::SecretString;
use moka::sync::Cache;

use crate::{
    signing::{key::KeyError, memory::KeyMemory},
    tokens::{NewToken, Tokens, Verified},
};

/// Maximum number of cached tokens, and how long each is kept. Verifying a signature costs about a
/// hundred times as much as a cache look-up.
const KEPT_TOKENS: u64 = 50_000;
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Issues and verifies access tokens with the current signing keys.
pub(crate) struct AccessTokens {
    pub(crate) keys: KeyMemory,
    tokens: Tokens,
    verified: Cache<[u8; 32], Verified>,
}

impl AccessTokens {
    pub(crate) fn new(keys: KeyMemory, issuer: &str) -> Self {
        let verified = Cache::builder()
            .max_capacity(KEPT_TOKENS)
            .time_to_live(KEPT_FOR)
            .build();
        Self {
            keys,
            tokens: Tokens::new(issuer),
            verified,
        }
    }

    /// Issues a token that is valid from now on.
    pub(crate) async fn issue(&self, new: NewToken) -> Result<SecretString, Problem> {
        let keys = self.keys.current().await?;
        let runtime = self.keys.database.runtime();
        let now = runtime.clock.now();
        let key = keys.signing(now).ok_or(KeyError("is not available"));
        let token = key.and_then(|key| {
            self.tokens
                .issue(key, new, runtime.new_id::<Self>().uuid(), now)
        });
        token.map_err(|error| INTERNAL.problem().caused_by(error))
    }

    /// Verifies everything except a token's times. The result is cached, and is valid for as long
    /// as the token's key is in the key set.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let digest = token_digest(token.as_bytes());
        if let Some(verified) = self.verified.get(&digest) {
            let keys = self.keys.current().await.map_err(Refusal::Database)?;
            if keys
                .find(verified.key, self.keys.database.runtime().clock.now())
                .is_some()
            {
                return Ok(verified);
            }
        }

        let id = Tokens::key_of(token).map_err(Refusal::Invalid)?;
        let key = self.keys.find(id).await.map_err(Refusal::Database)?;
        let key = key.ok_or(Refusal::Invalid("signed by an unknown key"))?;
        let verified = self.tokens.verify(token, &key).map_err(Refusal::Invalid)?;

        self.verified.insert(digest, verified.clone());

        Ok(verified)
    }
}
