//! The sources that unwrap root keys, and their errors.

use futures_util::future::BoxFuture;
use mainstay_kernel::SecretString;

/// Wraps and unwraps root keys.
pub trait KeySource: Send + Sync {
    /// Unwraps the key of a ring's entry, the part after the name. Returns the root key in base64.
    ///
    /// # Errors
    /// [`KeySourceError`], which contains no keys and no credentials.
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a str,
    ) -> BoxFuture<'a, Result<SecretString, KeySourceError>>;

    /// Wraps a root key in base64 or base64url. Returns the text that follows the name in the ring.
    ///
    /// # Errors
    /// Like [`unwrap`](Self::unwrap).
    fn wrap<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, KeySourceError>>;
}

/// Why a root key could not be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The settings of Vault are missing.
    #[error("the key is wrapped by Vault, but crypto.vault_url or crypto.vault_token is missing")]
    NotSet,
    /// The URL is insecure.
    #[error(
        "crypto.vault_url must be https and contain no credentials; http is allowed for localhost in development"
    )]
    Url,
    /// The HTTP client could not be created.
    #[error("crypto.vault_ca is not a PEM certificate, or TLS could not be initialized")]
    Client,
    /// Vault could not be reached.
    #[error("Vault cannot be reached: {0}")]
    Unreachable(&'static str),
    /// Vault refused the request.
    #[error("Vault responded with status {status}: {hint}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The usual cause of this status.
        hint: &'static str,
    },
    /// The response contains no key.
    #[error("Vault's response contains no key")]
    Malformed,
    /// An entry of the ring failed.
    #[error("entry {entry} of the key ring: {cause}")]
    Entry {
        /// Position of the entry, starting at 1.
        entry: usize,
        /// The error of this entry.
        cause: Box<KeySourceError>,
    },
}
