//! An OpenID provider: its discovery document, which is cached for an hour, and the client to use
//! it.

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

/// How long a discovery document is cached.
const FRESH_FOR: Duration = Duration::hours(1);

/// How long a cached document is used if it cannot be fetched again.
const USABLE_FOR: Duration = Duration::days(1);

/// How long no request is sent to a provider after a failure.
const RETRY_AFTER: Duration = Duration::seconds(10);

/// Minimum time between two fetches of a provider's keys for unknown signatures.
const KEYS_FETCHED_EVERY: Duration = Duration::minutes(1);

/// The accepted signature algorithms: no `none`, and none with a shared secret (RFC 8725 §3.1,
/// §3.2).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Metadata of providers in addition to OpenID Connect Discovery.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct ExtraMetadata {
    /// Whether responses name their issuer (RFC 9207 §3).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for ExtraMetadata {}

type Metadata = ProviderMetadata<
    ExtraMetadata,
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

/// A provider, with its cached discovery document.
pub(crate) struct Provider {
    pub(super) settings: ProviderSettings,
    cache: Mutex<Cache>,
}

/// The state of the cache.
#[derive(Default)]
struct Cache {
    discovery: Option<(Arc<Discovery>, Timestamp)>,
    failed_at: Option<Timestamp>,
    keys_fetched_at: Option<Timestamp>,
}

/// The discovery document of a provider, with its keys.
pub(crate) struct Discovery {
    metadata: Metadata,
    /// The accepted algorithms that the provider supports.
    pub(super) algorithms: Vec<CoreJwsSigningAlgorithm>,
}

impl Provider {
    pub(super) fn new(settings: ProviderSettings) -> Self {
        Self {
            settings,
            cache: Mutex::default(),
        }
    }

    /// Returns the discovery document from the cache, or fetches it. Concurrent calls wait for the
    /// same response.
    ///
    /// # Errors
    /// [`PROVIDER_UNAVAILABLE`].
    pub(super) async fn discovery(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
    ) -> Result<Arc<Discovery>, Problem> {
        let mut cache = self.cache.lock().await;
        let now = runtime.clock.now();
        let cached = |age| {
            cache
                .discovery
                .as_ref()
                .filter(|(_, at)| now < *at + age)
                .map(|(discovery, _)| discovery.clone())
        };
        if let Some(discovery) = cached(FRESH_FOR) {
            return Ok(discovery);
        }

        let cached = cached(USABLE_FOR);
        if cache
            .failed_at
            .is_some_and(|failed| now < failed + RETRY_AFTER)
        {
            return cached.ok_or_else(|| unavailable("discovery failed a moment ago"));
        }

        match self.discover(http).await {
            Ok(discovery) => {
                let discovery = Arc::new(discovery);
                *cache = Cache {
                    discovery: Some((discovery.clone(), now)),
                    failed_at: None,
                    keys_fetched_at: Some(now),
                };
                Ok(discovery)
            }
            Err(error) => {
                cache.failed_at = Some(now);
                tracing::warn!(
                    provider = self.settings.name,
                    error,
                    "OpenID provider discovery failed"
                );
                cached.ok_or_else(|| unavailable(&error))
            }
        }
    }

    /// Fetches the provider's keys again, for a token that no cached key verifies. Returns `None`
    /// if they were fetched within the last minute, or if the request fails.
    pub(super) async fn discovery_with_new_keys(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
    ) -> Option<Arc<Discovery>> {
        let mut cache = self.cache.lock().await;
        let now = runtime.clock.now();
        if cache
            .keys_fetched_at
            .is_some_and(|fetched| now < fetched + KEYS_FETCHED_EVERY)
        {
            return None;
        }

        cache.keys_fetched_at = Some(now);
        let (discovery, at) = cache.discovery.clone()?;
        let keys =
            JsonWebKeySet::fetch_async(discovery.metadata.jwks_uri(), &KeysThatVerify(http)).await;
        let keys = keys.inspect_err(|error| {
            tracing::warn!(
                provider = self.settings.name,
                error = describe(error),
                "OpenID provider key refresh failed"
            );
        });

        let metadata = discovery.metadata.clone().set_jwks(keys.ok()?);
        let discovery = Arc::new(Discovery {
            metadata,
            algorithms: discovery.algorithms.clone(),
        });
        cache.discovery = Some((discovery.clone(), at));

        Some(discovery)
    }

    async fn discover(&self, http: &HttpClient) -> Result<Discovery, String> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone())
            .map_err(|_| "the issuer is not a URL".to_owned())?;
        let metadata = Metadata::discover_async(issuer, &KeysThatVerify(http))
            .await
            .map_err(|error| describe(&error))?;
        if !is_safe(
            metadata.authorization_endpoint().url(),
            http.takes_loopback(),
        ) {
            return Err("the authorization endpoint is not an https URL".to_owned());
        }

        let announced = metadata.id_token_signing_alg_values_supported();
        let algorithms: Vec<_> = ALGORITHMS
            .into_iter()
            .filter(|algorithm| announced.contains(algorithm))
            .collect();
        if algorithms.is_empty() {
            return Err("the provider supports no accepted signature algorithm".to_owned());
        }

        Ok(Discovery {
            metadata,
            algorithms,
        })
    }

    /// Creates a client of the provider.
    ///
    /// # Errors
    /// [`PROVIDER_UNAVAILABLE`] if the configured `redirect_uri` is not a URL.
    pub(super) fn client(&self, discovery: &Discovery) -> Result<ProviderClient, Problem> {
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
            .map_err(|_| unavailable("the redirect_uri is not a URL"))?;
        let client = CoreClient::from_provider_metadata(
            discovery.metadata.clone(),
            ClientId::new(client_id.clone()),
            secret,
        );

        Ok(client
            .set_redirect_uri(redirect)
            .set_auth_type(discovery.auth_type()))
    }
}

impl Discovery {
    /// The keys that the provider signs with.
    pub(super) fn keys(&self) -> &JsonWebKeySet<CoreJsonWebKey> {
        self.metadata.jwks()
    }

    pub(super) fn issuer(&self) -> &IssuerUrl {
        self.metadata.issuer()
    }

    /// Whether a response with this `iss` parameter can be the provider's (RFC 9207 §2.4; OWASP
    /// ASVS 10.2.2).
    pub(super) fn accepts_issuer(&self, issuer: Option<&str>) -> bool {
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

    /// HTTP Basic, unless the provider accepts the secret only in the body (OpenID Connect
    /// Discovery 1.0 §3).
    fn auth_type(&self) -> AuthType {
        match self.metadata.token_endpoint_auth_methods_supported() {
            Some(methods) if !methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => {
                AuthType::RequestBody
            }
            _ => AuthType::BasicAuth,
        }
    }
}

/// [`PROVIDER_UNAVAILABLE`], with the reason for the log.
pub(crate) fn unavailable(why: &str) -> Problem {
    PROVIDER_UNAVAILABLE
        .problem()
        .retry_after(RETRY_AFTER.unsigned_abs())
        .caused_by(why)
}

/// Describes an error for the log, without the content of the response.
fn describe(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Request(error) => causes(error),
        DiscoveryError::Parse(error) => {
            format!("the response is invalid at {}", error.path())
        }
        DiscoveryError::Response(status, ..) => format!("the response has the status {status}"),
        DiscoveryError::Validation(_) => "the document names another issuer".to_owned(),
        other => other.to_string(),
    }
}

/// The messages of an error and of its sources.
pub(crate) fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a string does not fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }

    text
}
