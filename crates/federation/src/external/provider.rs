//! One provider: what it says of itself, kept for an hour, and what is asked of it.

use std::{error::Error as StdError, fmt::Write as _, sync::Arc};

use mainstay_http::Problem;
use mainstay_kernel::{ExposeSecret as _, Runtime, Timestamp};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, ClientId, ClientSecret, DiscoveryError, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, JsonWebKeySet, ProviderMetadata, RedirectUrl,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
        CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use time::Duration;
use tokio::sync::Mutex;

use super::{
    http::{HttpClient, HttpError, is_safe},
    keys::KeysThatVerify,
    problems::PROVIDER_UNAVAILABLE,
    provider_list::ProviderSettings,
};

/// How long what a provider says of itself is believed, and for how long still while it cannot be asked again.
const FRESH_FOR: Duration = Duration::hours(1);
const USABLE_FOR: Duration = Duration::days(1);

/// How long a provider that did not answer is left alone, and how often its keys are fetched at most.
const LEFT_ALONE_FOR: Duration = Duration::seconds(10);
const KEYS_FETCHED_EVERY: Duration = Duration::minutes(1);

/// The signatures that are taken from any provider: no `none`, nothing with a shared secret (RFC 8725 §3.1, §3.2).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What providers say of themselves beyond OpenID Connect Discovery.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct More {
    /// Whether answers name the issuer that they come from (RFC 9207 §3).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client of the provider, ready to be used.
pub(super) type ProviderClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider, and what it has said of itself.
pub(crate) struct Provider {
    pub(super) settings: ProviderSettings,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    said: Option<(Arc<Said>, Timestamp)>,
    failed_at: Option<Timestamp>,
    keys_fetched_at: Option<Timestamp>,
}

/// What a provider says of itself.
pub(crate) struct Said {
    metadata: Metadata,
    pub(super) algorithms: Vec<CoreJwsSigningAlgorithm>,
}

impl Provider {
    pub(super) fn new(settings: ProviderSettings) -> Self {
        Self {
            settings,
            known: Mutex::default(),
        }
    }

    /// What it says of itself: from memory, or asked now. Whoever comes meanwhile waits for the same answer.
    ///
    /// # Errors
    /// [`PROVIDER_UNAVAILABLE`].
    pub(super) async fn said(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
    ) -> Result<Arc<Said>, Problem> {
        let mut known = self.known.lock().await;
        let now = runtime.clock.now();
        let kept = |age| {
            known
                .said
                .as_ref()
                .filter(|(_, at)| now < *at + age)
                .map(|(said, _)| said.clone())
        };
        if let Some(said) = kept(FRESH_FOR) {
            return Ok(said);
        }

        let kept = kept(USABLE_FOR);
        if known
            .failed_at
            .is_some_and(|failed| now < failed + LEFT_ALONE_FOR)
        {
            return kept.ok_or_else(|| unavailable("it did not answer a moment ago"));
        }

        match self.ask(http).await {
            Ok(said) => {
                let said = Arc::new(said);
                *known = Known {
                    said: Some((said.clone(), now)),
                    failed_at: None,
                    keys_fetched_at: Some(now),
                };
                Ok(said)
            }
            Err(why) => {
                known.failed_at = Some(now);
                tracing::warn!(
                    provider = self.settings.name,
                    why,
                    "a provider cannot be asked about itself"
                );
                kept.ok_or_else(|| unavailable(&why))
            }
        }
    }

    /// The same with keys fetched anew, for a token that no known key fits: `None` when that was tried within the last
    /// minute, or does not help.
    pub(super) async fn said_with_new_keys(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
    ) -> Option<Arc<Said>> {
        let mut known = self.known.lock().await;
        let now = runtime.clock.now();
        if known
            .keys_fetched_at
            .is_some_and(|fetched| now < fetched + KEYS_FETCHED_EVERY)
        {
            return None;
        }

        known.keys_fetched_at = Some(now);
        let (said, at) = known.said.clone()?;
        let keys =
            JsonWebKeySet::fetch_async(said.metadata.jwks_uri(), &KeysThatVerify(http)).await;
        let keys = keys.inspect_err(|error| {
            tracing::warn!(provider = self.settings.name, why = told(error), "no keys")
        });

        let metadata = said.metadata.clone().set_jwks(keys.ok()?);
        let said = Arc::new(Said {
            metadata,
            algorithms: said.algorithms.clone(),
        });
        known.said = Some((said.clone(), at));

        Some(said)
    }

    async fn ask(&self, http: &HttpClient) -> Result<Said, String> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone())
            .map_err(|_| "its issuer is no URL".to_owned())?;
        let metadata = Metadata::discover_async(issuer, &KeysThatVerify(http))
            .await
            .map_err(|error| told(&error))?;
        if !is_safe(
            metadata.authorization_endpoint().url(),
            http.takes_loopback(),
        ) {
            return Err("it sends people to a URL that is not https".to_owned());
        }

        let announced = metadata.id_token_signing_alg_values_supported();
        let algorithms: Vec<_> = ALGORITHMS
            .into_iter()
            .filter(|algorithm| announced.contains(algorithm))
            .collect();
        if algorithms.is_empty() {
            return Err("it signs with no algorithm that is taken".to_owned());
        }

        Ok(Said {
            metadata,
            algorithms,
        })
    }

    /// A client of the provider.
    ///
    /// # Errors
    /// [`PROVIDER_UNAVAILABLE`] when the place that it sends people back to is no URL.
    pub(super) fn client(&self, said: &Said) -> Result<ProviderClient, Problem> {
        let ProviderSettings {
            client_id,
            client_secret,
            redirect_uri,
            ..
        } = &self.settings;

        let secret = client_secret
            .as_ref()
            .map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let redirect = RedirectUrl::new(redirect_uri.clone())
            .map_err(|_| unavailable("its redirect_uri is no URL"))?;
        let client = CoreClient::from_provider_metadata(
            said.metadata.clone(),
            ClientId::new(client_id.clone()),
            secret,
        );

        Ok(client
            .set_redirect_uri(redirect)
            .set_auth_type(said.auth_type()))
    }
}

impl Said {
    /// The keys that it signs with.
    pub(super) fn keys(&self) -> &JsonWebKeySet<CoreJsonWebKey> {
        self.metadata.jwks()
    }

    pub(super) fn issuer(&self) -> &IssuerUrl {
        self.metadata.issuer()
    }

    /// Whether an answer that names `issuer` as the one that it comes from, or none, can be the provider's
    /// (RFC 9207 §2.4; OWASP ASVS 10.2.2).
    pub(super) fn answers_as(&self, issuer: Option<&str>) -> bool {
        match issuer {
            Some(issuer) => issuer == self.issuer().as_str(),
            None => {
                !self
                    .metadata
                    .additional_metadata()
                    .authorization_response_iss_parameter_supported
            }
        }
    }

    /// HTTP Basic, unless the provider takes the secret in the body alone (OpenID Connect Discovery 1.0 §3).
    fn auth_type(&self) -> AuthType {
        match self.metadata.token_endpoint_auth_methods_supported() {
            Some(methods) if !methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => {
                AuthType::RequestBody
            }
            _ => AuthType::BasicAuth,
        }
    }
}

/// A provider that does not answer, or not as it should.
pub(crate) fn unavailable(why: &str) -> Problem {
    PROVIDER_UNAVAILABLE
        .problem()
        .retry_after(LEFT_ALONE_FOR.unsigned_abs())
        .caused_by(why)
}

/// Why a provider cannot be used, for the log: what it sent is not repeated.
fn told(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Request(error) => causes(error),
        DiscoveryError::Parse(error) => {
            format!("what it says of itself cannot be read, at {}", error.path())
        }
        DiscoveryError::Response(status, ..) => format!("it answered {status}"),
        DiscoveryError::Validation(_) => "it says that it is another issuer".to_owned(),
        other => other.to_string(),
    }
}

/// An error and what lies beneath.
pub(crate) fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a text does not fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
