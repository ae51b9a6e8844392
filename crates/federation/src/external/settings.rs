//! What a service is told of the providers that people may sign in by.

use std::time::Duration;

use mainstay_config::{Environment, Reader};
use mainstay_kernel::ExposeSecret as _;

use super::provider_list::{ProviderSettings, parse};

/// The setting's name, and what it means.
const NAME: &str = "identity.oidc_providers";
const HELP: &str = "OpenID providers to sign in by: a JSON list of objects with name, issuer, client_id, client_secret and, \
                    where wanted, label, scopes, redirect_uri, sign_up (refuse or allow), trust_mfa and assume_fresh.";

/// How people sign in elsewhere.
#[derive(Clone, Debug)]
pub struct ExternalSettings {
    /// Where.
    pub providers: Vec<ProviderSettings>,
    /// How long a provider may take to answer.
    pub timeout: Duration,
    /// Whether a provider may be on this very machine, without TLS: in development.
    pub loopback: bool,
}

impl ExternalSettings {
    /// Reads the settings; what is wrong is remembered by `reader`, all of it.
    pub fn read(reader: &mut Reader, pages_url: &str) -> Self {
        let loopback = reader.environment() == Environment::Development;
        let timeout = reader.or(
            "identity.oidc_timeout",
            Duration::from_secs(5),
            "How long an OpenID provider may take to answer.",
        );

        let text = reader.optional_secret(NAME, HELP);
        let (providers, wrong) = text
            .map(|text| parse(text.expose_secret(), pages_url, loopback))
            .unwrap_or_default();
        for what in wrong {
            reader.refuse(NAME, what);
        }

        Self {
            providers,
            timeout,
            loopback,
        }
    }
}
