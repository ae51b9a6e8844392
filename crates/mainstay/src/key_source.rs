//! Sources of the root keys of the key ring.
//!
//! The ring is configured in the environment or in a file. Its keys are there in plaintext, or
//! wrapped by a key management service. Wrapped keys are unwrapped once at startup, so that a copy
//! of the configuration alone reveals nothing. At run time, the plaintext keys are in the memory of
//! the process in both cases (ADR 0016).
//!
//! To add another key management service, implement [`KeySource`] and give it a prefix in
//! [`source`].

mod source;
mod vault;

use std::future::Future;

use futures_util::future::BoxFuture;
use mainstay_config::Reader;
use mainstay_crypto::Zeroizing;
use mainstay_kernel::{ExposeSecret as _, SecretString};

pub use source::{KeySource, KeySourceError};
pub(crate) use vault::VaultSettings;

use vault::Vault;

/// Root keys that are in the ring in plaintext.
struct InPlace;

impl KeySource for InPlace {
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a str,
    ) -> BoxFuture<'a, Result<SecretString, KeySourceError>> {
        Box::pin(async { Ok(wrapped.into()) })
    }

    fn wrap<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, KeySourceError>> {
        Box::pin(async { Ok(key.to_owned()) })
    }
}

/// Selects the source by the prefix of an entry's key. Base64 has no colon, so a plaintext key
/// never has a prefix.
fn source(key: &str, vault: Option<&VaultSettings>) -> Result<Box<dyn KeySource>, KeySourceError> {
    if key.starts_with("vault:") {
        Ok(Box::new(Vault::new(vault.ok_or(KeySourceError::NotSet)?)?))
    } else {
        Ok(Box::new(InPlace))
    }
}

/// Unwraps all keys of a ring's text. Plaintext entries are not checked here, but when the ring is
/// parsed.
///
/// # Errors
/// [`KeySourceError::Entry`] for the first entry that cannot be unwrapped.
pub(crate) fn unwrap(
    text: &SecretString,
    vault: Option<&VaultSettings>,
) -> Result<SecretString, KeySourceError> {
    let text = text.expose_secret();
    if !text
        .split_whitespace()
        .any(|entry| entry.contains(":vault:"))
    {
        return Ok(text.into());
    }

    block_on(async {
        let mut unwrapped = Zeroizing::new(String::with_capacity(text.len()));
        for (position, entry) in text.split_whitespace().enumerate() {
            let at = |cause| KeySourceError::Entry {
                entry: position + 1,
                cause: Box::new(cause),
            };

            let (name, key) = entry.split_once(':').unwrap_or((entry, ""));
            let key = source(key, vault)
                .map_err(at)?
                .unwrap(key)
                .await
                .map_err(at)?;

            for part in [name, ":", key.expose_secret(), "\n"] {
                unwrapped.push_str(part);
            }
        }

        Ok(unwrapped.as_str().into())
    })
}

/// Wraps all keys of a ring's text with Vault.
///
/// # Errors
/// [`KeySourceError`], also if Vault is not configured.
pub(crate) fn wrap(
    reader: &mut Reader,
    ring: &SecretString,
) -> Result<SecretString, KeySourceError> {
    let settings = VaultSettings::read(reader).ok_or(KeySourceError::NotSet)?;
    let vault = Vault::new(&settings)?;

    block_on(async {
        let mut wrapped = Vec::new();
        for entry in ring.expose_secret().split_whitespace() {
            let (name, key) = entry.split_once(':').ok_or(KeySourceError::Malformed)?;
            wrapped.push(format!("{name}:{}", vault.wrap(key).await?));
        }

        Ok(wrapped.join("\n").into())
    })
}

/// Runs a future to completion on a separate thread, because settings are read both inside and
/// outside a runtime.
fn block_on<T: Send>(
    work: impl Future<Output = Result<T, KeySourceError>> + Send,
) -> Result<T, KeySourceError> {
    let failed = || KeySourceError::Unreachable("no thread could be started for the request");

    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|_| failed())?;
            runtime.block_on(work)
        });
        asking.join().unwrap_or_else(|_| Err(failed()))
    })
}
