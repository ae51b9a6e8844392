//! Root keys that are wrapped by Vault or OpenBao.

use std::{fs, net::IpAddr, path::PathBuf, time::Duration};

use futures_util::future::BoxFuture;
use mainstay_config::{Environment, Reader};
use mainstay_crypto::Zeroizing;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use reqwest::{Certificate, Client, Url, redirect::Policy};
use serde_json::{Value, json};

use super::source::{KeySource, KeySourceError};

/// Maximum size of a response, in bytes; far more than a key of 32 bytes takes.
const MAX_RESPONSE: usize = 64 * 1024;

/// Settings of Vault or OpenBao, whose transit engine holds the wrapping key.
#[derive(Clone, Debug)]
pub(crate) struct VaultSettings {
    url: String,
    token: SecretString,
    mount: String,
    key: String,
    ca: Option<PathBuf>,
    timeout: Duration,
    /// Whether Vault may run on localhost without TLS, as in development.
    loopback: bool,
}

impl VaultSettings {
    /// Reads the settings; `None` unless a URL and a token are set.
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let loopback = reader.environment() == Environment::Development;
        let url = reader.optional(
            "crypto.vault_url",
            "URL of Vault, if it wraps the keys of the ring.",
        );
        let token = reader.optional_secret(
            "crypto.vault_token",
            "Token of a policy that may `decrypt` with the key, and nothing else.",
        );

        let mount = reader.or(
            "crypto.vault_mount",
            "transit".to_owned(),
            "Mount path of Vault's transit engine.",
        );

        let key = reader.or(
            "crypto.vault_key",
            "mainstay".to_owned(),
            "Name of the transit key that wraps the keys of the ring.",
        );

        let ca = reader.optional(
            "crypto.vault_ca",
            "PEM file of the CA of Vault's certificate, if it is a private CA.",
        );
        let timeout = reader.or(
            "crypto.vault_timeout",
            Duration::from_secs(5),
            "Timeout for requests to Vault.",
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
    /// Creates the client.
    ///
    /// # Errors
    /// [`KeySourceError::Url`] and [`KeySourceError::Client`] if the settings are invalid.
    pub(super) fn new(settings: &VaultSettings) -> Result<Self, KeySourceError> {
        let base: Url = settings.url.parse().map_err(|_| KeySourceError::Url)?;
        if !is_secure(&base, settings.loopback)
            || !base.username().is_empty()
            || base.password().is_some()
            || base.cannot_be_a_base()
        {
            return Err(KeySourceError::Url);
        }

        // Redirects are not followed, because the request carries the token.
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

    /// Sends a request to the transit engine and returns one member of the response's `data`.
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
            if bytes.len() + chunk.len() > MAX_RESPONSE {
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
        // Vault accepts only padded base64.
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

/// Whether the token is safe on the way to this URL: https, or http to localhost if `loopback`
/// allows it.
fn is_secure(url: &Url, loopback: bool) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());

    url.scheme() == "https" || (url.scheme() == "http" && is_local && loopback)
}

/// Describes a failed request without any of its content.
fn unreachable(error: &reqwest::Error) -> KeySourceError {
    KeySourceError::Unreachable(if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "connection failed, or the certificate is not trusted"
    } else {
        "the connection was lost"
    })
}

/// The usual cause of a status of Vault for `encrypt` and `decrypt`.
fn hint(status: u16) -> &'static str {
    match status {
        400 => "the ciphertext was created with another transit key, or is damaged",
        403 => "the token has expired, or its policy does not allow this",
        404 => "the mount or the transit key does not exist",
        503 => "Vault is sealed or in standby",
        _ => "see Vault's log",
    }
}
