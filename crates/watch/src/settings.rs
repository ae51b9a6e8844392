//! The settings of the rules and of the webhook.

use std::time::Duration;

use mainstay_config::{Environment, Reader};
use reqwest::Url;

use crate::{
    Rule, WebhookSettings,
    rules::{BUILT_IN, BuiltIn},
    signature::Signer,
};

/// Settings of the watch rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often the rules run; zero disables them.
    pub interval: Duration,
    /// The thresholds of the platform's rules, in their order.
    thresholds: [u32; BUILT_IN.len()],
    /// The webhook that receives findings.
    pub webhook: Option<WebhookSettings>,
}

const URL: (&str, &str) = (
    "watch.webhook_url",
    "URL of the webhook that receives signed findings; https outside development.",
);
const SECRET: (&str, &str) = (
    "watch.webhook_secret",
    "Secret that signs webhooks: whsec_ and 24 to 64 bytes in Base64; during a change, two separated by a space.",
);

impl Settings {
    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Self {
        let interval = reader.or(
            "watch.interval",
            Duration::from_secs(10),
            "How often the watch rules check the audit log; 0s disables them.",
        );

        if !interval.is_zero() && interval < Duration::from_secs(1) {
            reader.refuse(
                "watch.interval",
                "must be at least 1s, or 0s to disable the watch rules",
            );
        }

        let thresholds = BUILT_IN.map(
            |BuiltIn {
                 setting,
                 help,
                 rule,
             }| reader.or(setting, rule.threshold, help),
        );

        Self {
            interval,
            thresholds,
            webhook: webhook(reader),
        }
    }

    /// The platform's rules with the configured thresholds.
    pub(crate) fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        BUILT_IN
            .iter()
            .zip(self.thresholds)
            .map(|(BuiltIn { rule, .. }, threshold)| Rule { threshold, ..*rule })
    }
}

fn webhook(reader: &mut Reader) -> Option<WebhookSettings> {
    let allows_http = reader.environment() == Environment::Development;
    let url: Option<String> = reader.optional(URL.0, URL.1);
    let secret = reader.optional_secret(SECRET.0, SECRET.1);
    let timeout = reader.or(
        "watch.webhook_timeout",
        Duration::from_secs(10),
        "Timeout for requests to the webhook.",
    );

    let signer = secret.map(|secret| Signer::parse(&secret));
    if let Some(Err(why)) = &signer {
        reader.refuse(SECRET.0, *why);
    }

    let url = url?;

    if signer.is_none() {
        reader.refuse(
            SECRET.0,
            "is missing: without a signature, a receiver cannot detect forged findings",
        );
    }

    let parsed = Url::parse(&url)
        .ok()
        .filter(|url| is_safe(url, allows_http));
    if parsed.is_none() {
        reader.refuse(
            URL.0,
            "must be an https:// URL without credentials and fragment",
        );
    }

    Some(WebhookSettings {
        url: parsed?,
        signer: signer?.ok()?,
        timeout,
        allows_http,
    })
}

/// Whether findings may be sent to this URL: with TLS except in development, and without
/// credentials, because the URL is not treated as a secret.
fn is_safe(url: &Url, allows_http: bool) -> bool {
    let is_allowed_scheme = url.scheme() == "https" || (allows_http && url.scheme() == "http");

    is_allowed_scheme
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The number of errors in these settings.
    fn errors(environment: &str, url: &str, secret: Option<&str>) -> usize {
        let mut values = vec![
            ("environment", environment.to_owned()),
            ("watch.webhook_url", url.to_owned()),
        ];
        values.extend(secret.map(|secret| ("watch.webhook_secret", secret.to_owned())));

        let mut reader = Reader::new([]).with_layer("test", values);
        let settings = Settings::read(&mut reader);
        let errors = reader
            .finish()
            .err()
            .map_or(0, |error| error.problems().len());

        assert_eq!(settings.webhook.is_some(), errors == 0);

        errors
    }

    #[test]
    fn a_webhook_needs_tls_and_a_secret() {
        assert_eq!(
            errors("production", "https://hook.example/x?y", Some(SECRET)),
            0
        );
        assert_eq!(
            errors("development", "http://127.0.0.1:1/x", Some(SECRET)),
            0
        );
        assert_eq!(
            errors("production", "http://127.0.0.1:1/x", Some(SECRET)),
            1
        );
        assert_eq!(errors("production", "http://127.0.0.1:1/x", None), 2);
        assert_eq!(errors("production", "https://hook.example", None), 1);
        assert_eq!(
            errors("production", "https://hook.example", Some("whsec_short")),
            1
        );

        for url in [
            "https://user:password@hook.example",
            "https://user@hook.example",
            "https://a.example/#b",
            "x",
        ] {
            assert_eq!(errors("production", url, Some(SECRET)), 1, "{url}");
        }
    }

    #[test]
    fn thresholds_are_configurable() {
        let values = [
            ("watch.mass_export", "3".to_owned()),
            ("watch.denials_by_account", "0".to_owned()),
        ];
        let settings = Settings::read(&mut Reader::new([]).with_layer("test", values));

        let threshold = |name: &str| {
            settings
                .rules()
                .find(|rule| rule.name == name)
                .map(|rule| rule.threshold)
        };

        assert_eq!(
            (threshold("mass_export"), threshold("denials_by_account")),
            (Some(3), Some(0))
        );
    }
}
