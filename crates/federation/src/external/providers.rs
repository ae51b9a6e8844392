//! The configured OpenID providers.

use mainstay_http::{FieldError, INVALID_INPUT, Problem};

use super::{
    http::HttpClient,
    provider::{self, Provider, unavailable},
    settings::ExternalSettings,
};

/// The OpenID providers that people can sign in with, and the HTTP client for them.
pub struct Providers {
    pub(super) providers: Vec<Provider>,
    http: Option<HttpClient>,
}

impl Providers {
    /// Prepares the providers. The first request to a provider is sent when a person signs in with
    /// it.
    pub fn new(settings: &ExternalSettings) -> Self {
        let ExternalSettings {
            providers,
            timeout,
            loopback,
        } = settings;

        let http = (!providers.is_empty()).then(|| HttpClient::new(*timeout, *loopback));
        let http = http.transpose().inspect_err(|error| {
            let error = provider::causes(error);
            tracing::error!(error, "external sign-in disabled: TLS not available");
        });

        Self {
            providers: providers.iter().cloned().map(Provider::new).collect(),
            http: http.ok().flatten(),
        }
    }

    /// Returns the provider with this name.
    ///
    /// # Errors
    /// [`INVALID_INPUT`] for the body's member `provider`.
    pub(super) fn provider(&self, name: &str) -> Result<&Provider, Problem> {
        self.providers
            .iter()
            .find(|provider| provider.settings.name == name)
            .ok_or_else(|| {
                INVALID_INPUT.problem().errors([FieldError {
                    location: "body".into(),
                    pointer: "/provider".to_owned(),
                    detail: "no provider has this name".to_owned(),
                }])
            })
    }

    /// Returns the name of the provider with this issuer, or `None` if it is not configured.
    pub(super) fn name_of(&self, issuer: &str) -> Option<&str> {
        let mut providers = self.providers.iter().map(|provider| &provider.settings);
        providers
            .find(|settings| settings.issuer == issuer)
            .map(|settings| settings.name.as_str())
    }

    pub(super) fn http(&self) -> Result<&HttpClient, Problem> {
        self.http
            .as_ref()
            .ok_or_else(|| unavailable("TLS is not available"))
    }
}
