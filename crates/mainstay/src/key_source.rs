//! Where the root keys of the ring come from.
//!
//! The text of the ring stands in the environment or in a file. Its keys stand there as they are, or each wrapped by
//! somebody else who keeps the key that wraps them: then they are unwrapped once, at the start, and whoever copies the
//! configuration alone has nothing. Afterwards they are in the memory of the process as they would be otherwise (ADR 0016).
//!
//! A cloud's key management service goes here: implement [`KeySource`], and give it a prefix in [`source`].

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

/// Root keys that stand in the ring as they are.
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

/// Whose an entry's key is, by how it begins. Base64 has no colon, so no key in place looks like a wrapped one.
fn source(key: &str, vault: Option<&VaultSettings>) -> Result<Box<dyn KeySource>, KeySourceError> {
    if key.starts_with("vault:") {
        Ok(Box::new(Vault::new(vault.ok_or(KeySourceError::NotSet)?)?))
    } else {
        Ok(Box::new(InPlace))
    }
}

/// The text of a ring, all keys unwrapped. What is wrong with entries that nobody wrapped is for the ring to say.
///
/// # Errors
/// [`KeySourceError::Entry`] for the first entry that is not unwrapped.
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

    at_once(async {
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

/// The text of a ring whose keys Vault has wrapped.
///
/// # Errors
/// [`KeySourceError`], also when the settings name no Vault.
pub(crate) fn wrap(
    reader: &mut Reader,
    ring: &SecretString,
) -> Result<SecretString, KeySourceError> {
    let settings = VaultSettings::read(reader).ok_or(KeySourceError::NotSet)?;
    let vault = Vault::new(&settings)?;
    at_once(async {
        let mut wrapped = Vec::new();
        for entry in ring.expose_secret().split_whitespace() {
            let (name, key) = entry.split_once(':').ok_or(KeySourceError::Malformed)?;
            wrapped.push(format!("{name}:{}", vault.wrap(key).await?));
        }
        Ok(wrapped.join("\n").into())
    })
}

/// Waits for something on a thread of its own: settings are read before there is anything to serve, in a runtime or not.
fn at_once<T: Send>(
    work: impl Future<Output = Result<T, KeySourceError>> + Send,
) -> Result<T, KeySourceError> {
    let failed = || KeySourceError::Unreachable("no thread to ask it on");
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
