//! The settings of external sign-in.

use std::time::Duration;

use mainstay_config::{Environment, Reader};
use mainstay_kernel::ExposeSecret as _;

use super::provider_list::{ProviderSettings, parse};

/// The setting's name and help.
const NAME: &str = "identity.oidc_providers";
const HELP: &str = "OpenID providers to sign in with: a JSON list of objects with \
                    name, issuer, client_id, client_secret and, optionally, label, scopes, \
                    redirect_uri, sign_up (refuse or allow), trust_mfa and assume_fresh.";

/// The settings of external sign-in.
#[derive(Clone, Debug)]
pub struct ExternalSettings {
    /// The OpenID providers.
    pub providers: Vec<ProviderSettings>,
    /// Timeout of a request to a provider.
    pub timeout: Duration,
    /// Whether a provider may run on this machine without TLS, in development.
    pub loopback: bool,
}

impl ExternalSettings {
    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader, pages_url: &str) -> Self {
        let loopback = reader.environment() == Environment::Development;
        let timeout = reader.or(
            "identity.oidc_timeout",
            Duration::from_secs(5),
            "Timeout of a request to an OpenID provider.",
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
