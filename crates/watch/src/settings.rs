//! The settings of the rules and of the webhook.

use std::time::Duration;

use mainstay_config::{Environment, Reader};
use reqwest::Url;

use crate::{
    Rule, WebhookSettings,
    rules::{BUILT_IN, BuiltIn},
    signature::Signer,
};

/// How the audit log is watched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often it is looked at; zero turns watching off.
    pub interval: Duration,
    /// The thresholds of the platform's rules, in their order.
    thresholds: [u32; BUILT_IN.len()],
    /// Who is told of findings.
    pub webhook: Option<WebhookSettings>,
}

const URL: (&str, &str) = (
    "watch.webhook_url",
    "Where findings are sent to, signed; https outside development. Nowhere if left out.",
);
const SECRET: (&str, &str) = (
    "watch.webhook_secret",
    "What webhooks are signed with: whsec_ and 24 to 64 bytes in Base64; a second one, after a space, signs too.",
);

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`.
    pub fn read(reader: &mut Reader) -> Self {
        let interval = reader.or(
            "watch.interval",
            Duration::from_secs(10),
            "How often the audit log is looked through for what the rules look for; 0s turns watching off.",
        );

        if !interval.is_zero() && interval < Duration::from_secs(1) {
            reader.refuse(
                "watch.interval",
                "must be at least 1s, or 0s to turn watching off",
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

    /// The platform's rules, with the thresholds that were set.
    pub(crate) fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        BUILT_IN
            .iter()
            .zip(self.thresholds)
            .map(|(BuiltIn { rule, .. }, threshold)| Rule { threshold, ..*rule })
    }
}

fn webhook(reader: &mut Reader) -> Option<WebhookSettings> {
    let clear = reader.environment() == Environment::Development;
    let url: Option<String> = reader.optional(URL.0, URL.1);
    let secret = reader.optional_secret(SECRET.0, SECRET.1);
    let timeout = reader.or(
        "watch.webhook_timeout",
        Duration::from_secs(10),
        "How long the webhook's receiver may take.",
    );

    let signer = secret.map(|secret| Signer::parse(&secret));
    if let Some(Err(why)) = &signer {
        reader.refuse(SECRET.0, *why);
    }

    let url = url?;

    if signer.is_none() {
        reader.refuse(
            SECRET.0,
            "is missing: a receiver could not tell a finding from a forgery",
        );
    }

    let parsed = Url::parse(&url).ok().filter(|url| is_safe(url, clear));
    if parsed.is_none() {
        reader.refuse(
            URL.0,
            "is not an https:// URL without credentials and fragment",
        );
    }

    Some(WebhookSettings {
        url: parsed?,
        signer: signer?.ok()?,
        timeout,
        clear,
    })
}

/// Whether findings may be sent there: over TLS but for development, and with nothing secret in the URL, which is shown.
fn is_safe(url: &Url, clear: bool) -> bool {
    let covered = url.scheme() == "https" || (clear && url.scheme() == "http");
    covered
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn wrong(environment: &str, url: &str, secret: Option<&str>) -> usize {
        let mut values = vec![
            ("environment", environment.to_owned()),
            ("watch.webhook_url", url.to_owned()),
        ];
        values.extend(secret.map(|secret| ("watch.webhook_secret", secret.to_owned())));

        let mut reader = Reader::new([]).with_layer("test", values);
        let settings = Settings::read(&mut reader);
        let wrong = reader
            .finish()
            .err()
            .map_or(0, |error| error.problems().len());

        assert_eq!(settings.webhook.is_some(), wrong == 0);

        wrong
    }

    #[test]
    fn findings_leave_signed_and_over_tls_or_not_at_all() {
        assert_eq!(
            wrong("production", "https://hook.example/x?y", Some(SECRET)),
            0
        );
        assert_eq!(
            wrong("development", "http://127.0.0.1:1/x", Some(SECRET)),
            0
        );
        assert_eq!(wrong("production", "http://127.0.0.1:1/x", Some(SECRET)), 1);
        assert_eq!(wrong("production", "http://127.0.0.1:1/x", None), 2);
        assert_eq!(wrong("production", "https://hook.example", None), 1);
        assert_eq!(
            wrong("production", "https://hook.example", Some("whsec_short")),
            1
        );

        for url in [
            "https://user:password@hook.example",
            "https://user@hook.example",
            "https://a.example/#b",
            "x",
        ] {
            assert_eq!(wrong("production", url, Some(SECRET)), 1, "{url}");
        }
    }

    #[test]
    fn thresholds_are_settings() {
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
