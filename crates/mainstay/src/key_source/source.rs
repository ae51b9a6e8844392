//! What unwraps root keys, and why one is not unwrapped.

use futures_util::future::BoxFuture;
use mainstay_kernel::SecretString;

/// Who wraps and unwraps root keys.
pub trait KeySource: Send + Sync {
    /// The root key, in base64, of what stands behind the name of a ring's entry.
    ///
    /// # Errors
    /// [`KeySourceError`]; it holds neither keys nor what would unwrap them.
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a str,
    ) -> BoxFuture<'a, Result<SecretString, KeySourceError>>;

    /// What is to stand behind the name, for a root key in base64 or base64url.
    ///
    /// # Errors
    /// As [`unwrap`](Self::unwrap).
    fn wrap<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, KeySourceError>>;
}

/// Why a root key was not unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The settings do not say who unwraps it.
    #[error(
        "it is wrapped by Vault, but crypto.vault_url and crypto.vault_token do not say where that is"
    )]
    NotSet,
    /// The settings lead nowhere safe.
    #[error(
        "crypto.vault_url must be https, without credentials in it; http leads to this very machine alone, in development"
    )]
    Url,
    /// No client could be made of the settings.
    #[error("crypto.vault_ca is not a certificate in PEM, or TLS cannot be had")]
    Client,
    /// There is no answer.
    #[error("Vault does not answer: {0}")]
    Unreachable(&'static str),
    /// The answer is no.
    #[error("Vault refuses with status {status}: {hint}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What that means most of the time.
        hint: &'static str,
    },
    /// The answer is something else.
    #[error("Vault answers something else than a key")]
    Malformed,
    /// Which entry of the ring it was.
    #[error("entry {entry} of the key ring: {cause}")]
    Entry {
        /// Counted from 1.
        entry: usize,
        /// Why.
        cause: Box<KeySourceError>,
    },
}
