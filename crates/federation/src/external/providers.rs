//! The providers that people may sign in by.

use mainstay_http::{FieldError, INVALID_INPUT, Problem};

use super::{
    http::HttpClient,
    provider::{self, Provider, unavailable},
    settings::ExternalSettings,
};

/// The providers that people may sign in by, and the client that speaks to them.
pub struct Providers {
    pub(super) providers: Vec<Provider>,
    http: Option<HttpClient>,
}

impl Providers {
    /// Stands ready; no provider is asked anything before somebody signs in by it.
    pub fn new(settings: &ExternalSettings) -> Self {
        let ExternalSettings {
            providers,
            timeout,
            loopback,
        } = settings;

        let http = (!providers.is_empty()).then(|| HttpClient::new(*timeout, *loopback));
        let http = http.transpose().inspect_err(|error| {
            let why = provider::causes(error);
            tracing::error!(
                why,
                "there is no TLS to speak to providers with; nobody can sign in by them"
            );
        });

        Self {
            providers: providers.iter().cloned().map(Provider::new).collect(),
            http: http.ok().flatten(),
        }
    }

    /// The provider of that name.
    ///
    /// # Errors
    /// [`INVALID_INPUT`], for the body's member `provider`.
    pub(super) fn provider(&self, name: &str) -> Result<&Provider, Problem> {
        self.providers
            .iter()
            .find(|provider| provider.settings.name == name)
            .ok_or_else(|| {
                INVALID_INPUT.problem().errors([FieldError {
                    location: "body".into(),
                    pointer: "/provider".to_owned(),
                    detail: "not a provider to sign in by".to_owned(),
                }])
            })
    }

    /// What the provider with that issuer is called; `None` when it is not one any more.
    pub(super) fn name_of(&self, issuer: &str) -> Option<&str> {
        let mut providers = self.providers.iter().map(|provider| &provider.settings);
        providers
            .find(|settings| settings.issuer == issuer)
            .map(|settings| settings.name.as_str())
    }

    pub(super) fn http(&self) -> Result<&HttpClient, Problem> {
        self.http
            .as_ref()
            .ok_or_else(|| unavailable("there is no TLS to speak to providers with"))
    }
}
