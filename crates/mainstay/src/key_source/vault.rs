//! Root keys that Vault, or OpenBao, wraps.

use std::{fs, net::IpAddr, path::PathBuf, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_config::{Environment, Reader};
use mainstay_crypto::Zeroizing;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use reqwest::{Certificate, Client, Url, redirect::Policy};
use serde_json::{Value, json};

use super::source::{KeySource, KeySourceError};

/// More than any answer about a key of 32 bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// How Vault, or OpenBao, is reached: its transit engine keeps a key that never leaves it.
#[derive(Clone, Debug)]
pub(crate) struct VaultSettings {
    url: String,
    token: SecretString,
    mount: String,
    key: String,
    ca: Option<PathBuf>,
    timeout: Duration,
    /// Whether it may be on this very machine, without TLS: in development.
    loopback: bool,
}

impl VaultSettings {
    /// Reads the settings; `None` unless a URL and a token are set.
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let loopback = reader.environment() == Environment::Development;
        let url = reader.optional(
            "crypto.vault_url",
            "Vault, where the keys of the ring are wrapped by it.",
        );
        let token = reader.optional_secret(
            "crypto.vault_token",
            "Token of a policy that may `decrypt` with the key, and nothing else.",
        );

        let mount = reader.or(
            "crypto.vault_mount",
            "transit".to_owned(),
            "Where Vault's transit engine is mounted.",
        );

        let key = reader.or(
            "crypto.vault_key",
            "mainstay".to_owned(),
            "The transit key that wraps the ring's keys.",
        );

        let ca = reader.optional(
            "crypto.vault_ca",
            "PEM of the CA that vouches for Vault, where it is a private one.",
        );
        let timeout = reader.or(
            "crypto.vault_timeout",
            Duration::from_secs(5),
            "How long Vault may take to answer.",
        );

        Some(Self {
            url: url?,
            token: token?,
            mount,
            key,
            ca,
            timeout,
            loopback,
        })
    }
}

/// Vault's transit engine as a source of root keys.
pub(super) struct Vault {
    client: Client,
    base: Url,
    settings: VaultSettings,
}

impl Vault {
    /// # Errors
    /// [`KeySourceError::Url`] and [`KeySourceError::Client`] when the settings are wrong.
    pub(super) fn new(settings: &VaultSettings) -> Result<Self, KeySourceError> {
        let base: Url = settings.url.parse().map_err(|_| KeySourceError::Url)?;
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let covered =
            base.scheme() == "https" || (base.scheme() == "http" && here && settings.loopback);
        if !covered
            || !base.username().is_empty()
            || base.password().is_some()
            || base.cannot_be_a_base()
        {
            return Err(KeySourceError::Url);
        }

        // Where an answer redirects to is nobody's business with a token at hand.
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout)
            .https_only(base.scheme() == "https")
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .user_agent("mainstay");

        if let Some(path) = &settings.ca {
            let pem = fs::read(path).map_err(|_| KeySourceError::Client)?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|_| KeySourceError::Client)?;
            builder = builder.tls_certs_only(certificates);
        }

        let client = builder.build().map_err(|_| KeySourceError::Client)?;

        Ok(Self {
            client,
            base,
            settings: settings.clone(),
        })
    }

    /// Asks the transit engine, and gives one member of the answer's `data`.
    async fn ask(
        &self,
        verb: &str,
        body: Value,
        member: &str,
    ) -> Result<SecretString, KeySourceError> {
        let VaultSettings {
            mount, key, token, ..
        } = &self.settings;
        let mut url = self.base.clone();
        let path = ["v1"]
            .into_iter()
            .chain(mount.split('/'))
            .chain([verb, key]);

        url.path_segments_mut()
            .map_err(|()| KeySourceError::Url)?
            .pop_if_empty()
            .extend(path);

        let request = self
            .client
            .post(url)
            .header("X-Vault-Token", token.expose_secret())
            .json(&body);

        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| unreachable(&error))?
        {
            if bytes.len() + chunk.len() > LARGEST_ANSWER {
                return Err(KeySourceError::Malformed);
            }
            bytes.extend_from_slice(&chunk);
        }

        if !status.is_success() {
            return Err(KeySourceError::Refused {
                status: status.as_u16(),
                hint: hint(status.as_u16()),
            });
        }

        let answer: Value =
            serde_json::from_slice(&bytes).map_err(|_| KeySourceError::Malformed)?;

        answer["data"][member]
            .as_str()
            .map(SecretString::from)
            .ok_or(KeySourceError::Malformed)
    }
}

impl KeySource for Vault {
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a str,
    ) -> BoxFuture<'a, Result<SecretString, KeySourceError>> {
        Box::pin(self.ask("decrypt", json!({ "ciphertext": wrapped }), "plaintext"))
    }

    fn wrap<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, KeySourceError>> {
        // Vault takes the padded spelling alone.
        let plaintext = key
            .trim_end_matches('=')
            .replace('-', "+")
            .replace('_', "/");
        let padding = "=".repeat((4 - plaintext.len() % 4) % 4);

        Box::pin(async move {
            let wrapped = self
                .ask(
                    "encrypt",
                    json!({ "plaintext": plaintext + &padding }),
                    "ciphertext",
                )
                .await?;

            let wrapped = wrapped.expose_secret();
            if wrapped.starts_with("vault:") && !wrapped.contains(char::is_whitespace) {
                Ok(wrapped.to_owned())
            } else {
                Err(KeySourceError::Malformed)
            }
        })
    }
}

/// Why there is no answer, in words that hold nothing of the request.
fn unreachable(error: &reqwest::Error) -> KeySourceError {
    KeySourceError::Unreachable(if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "there is no connection, or its certificate is not one to trust"
    } else {
        "the connection broke"
    })
}

/// What Vault's statuses mean for the two requests that are made of it.
fn hint(status: u16) -> &'static str {
    match status {
        400 => "it does not know the ciphertext, which was made by another key or is damaged",
        403 => "the token has expired, or its policy does not allow this",
        404 => "there is no such mount or key",
        503 => "it is sealed, or a standby",
        _ => "see its log",
    }
}
