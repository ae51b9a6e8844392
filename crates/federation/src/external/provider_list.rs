//! Reads the list of providers in the settings from JSON. Error messages do not quote values, which
//! may be secrets.

use mainstay_kernel::SecretString;
use openidconnect::url::Url;
use serde_json::{Map, Value};

use super::http::is_safe;

/// The settings of an OpenID provider that people can sign in with.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The provider's name in the API and in the paths of pages.
    pub name: String,
    /// The label that people are shown.
    pub label: String,
    /// The provider's issuer identifier, exactly as in its tokens.
    pub issuer: String,
    /// The client id of this service at the provider.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// The scopes to request in addition to `openid`.
    pub scopes: Vec<String>,
    /// The address that the provider redirects people to.
    pub redirect_uri: String,
    /// Whether an account is created for a person who has none.
    pub sign_up: bool,
    /// Whether a second factor that the provider reports (`amr`: `mfa`) counts as one.
    pub trust_mfa: bool,
    /// Whether a sign-in counts as fresh if the provider does not report when the person last
    /// authenticated.
    pub assume_fresh: bool,
}

/// The members that an object of the list may have.
const MEMBERS: [&str; 10] = [
    "name",
    "issuer",
    "client_id",
    "client_secret",
    "label",
    "scopes",
    "redirect_uri",
    "sign_up",
    "trust_mfa",
    "assume_fresh",
];

/// Returns the valid providers, and the error messages for the others.
pub(super) fn parse(
    text: &str,
    pages_url: &str,
    development: bool,
) -> (Vec<ProviderSettings>, Vec<String>) {
    let Ok(items) = serde_json::from_str::<Vec<Value>>(text) else {
        return (Vec::new(), vec!["is not a JSON list".to_owned()]);
    };

    let (mut providers, mut wrong): (Vec<ProviderSettings>, Vec<String>) = (Vec::new(), Vec::new());

    for (position, item) in items.iter().enumerate() {
        let mut members = Members {
            item: item.as_object(),
            wrong: Vec::new(),
            development,
        };

        if let Some(provider) = members.read(pages_url) {
            if providers
                .iter()
                .any(|other| other.name == provider.name || other.issuer == provider.issuer)
            {
                members
                    .wrong
                    .push("has the same name or issuer as another one".to_owned());
            }
            providers.push(provider);
        }

        wrong.extend(
            members
                .wrong
                .into_iter()
                .map(|what| format!("provider {} {what}", position + 1)),
        );
    }

    (providers, wrong)
}

struct Members<'a> {
    item: Option<&'a Map<String, Value>>,
    wrong: Vec<String>,
    development: bool,
}

impl Members<'_> {
    fn read(&mut self, pages_url: &str) -> Option<ProviderSettings> {
        let Some(item) = self.item else {
            self.wrong.push("is not an object".to_owned());
            return None;
        };

        if item.keys().any(|key| !MEMBERS.contains(&key.as_str())) {
            self.wrong.push(format!(
                "has an unknown member; the known ones are {}",
                MEMBERS.join(", ")
            ));
        }

        let name = self.required("name").filter(|name| {
            let is_name = is_name(name);
            if !is_name {
                self.wrong.push(
                    "has a name that is not 1 to 40 lower-case letters, digits and hyphens"
                        .to_owned(),
                );
            }
            is_name
        });

        let issuer = self.required("issuer");
        let issuer = issuer.filter(|issuer| self.url("issuer", issuer) && self.is_issuer(issuer));
        let client_id = self.required("client_id");
        let redirect_uri = self.text("redirect_uri");
        let redirect_uri = redirect_uri
            .or_else(|| {
                Some(format!(
                    "{pages_url}/external?provider={}",
                    name.as_deref()?
                ))
            })
            .filter(|uri| self.url("redirect_uri", uri));

        let sign_up = match self.text("sign_up").as_deref() {
            None | Some("refuse") => false,
            Some("allow") => true,
            Some(_) => {
                self.wrong
                    .push("has a sign_up that is neither refuse nor allow".to_owned());
                false
            }
        };

        let (label, client_secret) = (self.text("label"), self.text("client_secret"));
        let (scopes, trust_mfa, assume_fresh) = (
            self.scopes(),
            self.flag("trust_mfa"),
            self.flag("assume_fresh"),
        );

        Some(ProviderSettings {
            label: label.or_else(|| name.clone())?,
            name: name?,
            issuer: issuer?,
            client_id: client_id?,
            client_secret: client_secret.map(SecretString::from),
            scopes,
            redirect_uri: redirect_uri?,
            sign_up,
            trust_mfa,
            assume_fresh,
        })
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.item.and_then(|item| item.get(name))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.member(name)?;
        let text = value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
        if text.is_none() {
            self.wrong
                .push(format!("has a {name} that is not a non-empty string"));
        }

        text
    }

    fn required(&mut self, name: &str) -> Option<String> {
        if self.member(name).is_none() {
            self.wrong.push(format!("has no {name}"));
        }
        self.text(name)
    }

    fn flag(&mut self, name: &str) -> bool {
        let Some(value) = self.member(name) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.wrong
                .push(format!("has a {name} that is not true or false"));
            false
        })
    }

    fn scopes(&mut self) -> Vec<String> {
        let Some(value) = self.member("scopes") else {
            return vec!["email".to_owned()];
        };

        let texts = value
            .as_array()
            .map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match texts
            .flatten()
            .filter(|scopes| scopes.iter().all(|scope| is_scope(scope)))
        {
            Some(scopes) => scopes.into_iter().map(str::to_owned).collect(),
            None => {
                self.wrong
                    .push("has scopes that are not a list of valid scopes".to_owned());
                Vec::new()
            }
        }
    }

    fn url(&mut self, name: &str, text: &str) -> bool {
        let safe = text
            .parse::<Url>()
            .is_ok_and(|url| is_safe(&url, self.development) && url.fragment().is_none());
        if !safe {
            self.wrong.push(format!(
                "has a URL that is not https, or that has credentials or a fragment: {name}"
            ));
        }

        safe
    }

    /// Checks that an issuer has no query and no fragment (OpenID Connect Discovery 1.0 §3).
    fn is_issuer(&mut self, issuer: &str) -> bool {
        let plain = !issuer.contains(['?', '#']);
        if !plain {
            self.wrong.push("has an issuer with a query".to_owned());
        }

        plain
    }
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// RFC 6749 §3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        parse(text, "https://api.example/account", false).1
    }

    #[test]
    fn the_required_members_are_sufficient() {
        let text = r#"[{
            "name": "acme",
            "issuer": "https://id.example/",
            "client_id": "x",
            "client_secret": "y"
        }]"#;
        let (providers, wrong) = parse(text, "https://api.example/account", false);
        assert_eq!(wrong, Vec::<String>::new());

        let [provider] = providers.as_slice() else {
            panic!("{providers:?}")
        };

        assert_eq!(
            provider.redirect_uri,
            "https://api.example/account/external?provider=acme"
        );
        assert_eq!(
            (provider.label.as_str(), provider.scopes.as_slice()),
            ("acme", ["email".to_owned()].as_slice())
        );
        assert!(!provider.sign_up && !provider.trust_mfa && !provider.assume_fresh);
        assert!(!format!("{provider:?}").contains("\"y\""));
    }

    #[test]
    fn all_errors_are_reported_together() {
        let messages = wrong(
            r#"[
                { "name": "A", "issuer": "http://id.example", "sign_up": "yes" },
                7,
                {
                    "name": "b",
                    "issuer": "https://id.example?x",
                    "client_id": "",
                    "trust_mfa": 1,
                    "colour": "red"
                }
            ]"#,
        );

        let expected = [
            "provider 1 has a name that",
            "provider 1 has a URL that is not https",
            "provider 1 has no client_id",
            "provider 1 has a sign_up",
            "provider 2 is not an object",
            "provider 3 has an unknown member",
            "provider 3 has an issuer with a query",
            "provider 3 has a client_id that is not a non-empty string",
            "provider 3 has a trust_mfa",
        ];

        assert_eq!(messages.len(), expected.len(), "{messages:#?}");

        for (message, expected) in messages.iter().zip(expected) {
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for text in [
            r#""hunter2""#,
            r#"[{ "hunter2": "hunter2" }]"#,
            r#"[{ "name": "hunter2!", "scopes": "hunter2" }]"#,
        ] {
            assert!(
                wrong(text).iter().all(|what| !what.contains("hunter2")),
                "{:?}",
                wrong(text)
            );
        }
    }

    #[test]
    fn two_providers_with_the_same_name_or_issuer_are_refused() {
        let provider = |name: &str, issuer: &str| {
            format!(r#"{{ "name": "{name}", "issuer": "{issuer}", "client_id": "x" }}"#)
        };

        let (a, b) = (
            provider("a", "https://a.example"),
            provider("a", "https://b.example"),
        );
        let c = provider("c", "https://a.example");

        assert_eq!(
            wrong(&format!("[{a},{b}]")),
            ["provider 2 has the same name or issuer as another one"]
        );
        assert_eq!(
            wrong(&format!("[{a},{c}]")),
            ["provider 2 has the same name or issuer as another one"]
        );
    }
}
