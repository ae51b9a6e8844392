//! URLs as settings, in a normal form, so that URLs that are built from them can be compared.

use std::fmt;

use url::{Host, Url};

use crate::Setting;

/// A base URL: `http` or `https`, a host, and optionally a path.
///
/// It is stored in the normal form of the URL standard, without a trailing slash: the host in lower
/// case and ASCII, and without the default port. User information, a query and a fragment are
/// refused, because a path cannot be appended to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The origin of web pages (RFC 6454): scheme, host and port, as browsers send them in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl BaseUrl {
    /// The URL `http://localhost` with a port. It has the name, because browsers do not support
    /// passkeys for addresses.
    pub fn of_loopback(port: u16) -> Self {
        Self(format!("http://localhost:{port}"))
    }

    /// Appends a path.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        Self(format!("{}/{path}", self.0))
    }

    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for BaseUrl {
    const KIND: &'static str =
        "a URL such as https://api.example, without user information, query or fragment";

    fn parse(text: &str) -> Result<Self, String> {
        let url = plain(text)?;
        if url.query().is_some() || text.contains('#') || text.contains('?') {
            return Err("has a query or a fragment".to_owned());
        }

        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl WebOrigin {
    /// The origin, as a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for WebOrigin {
    const KIND: &'static str = "an origin such as https://app.example";

    fn parse(text: &str) -> Result<Self, String> {
        let url = plain(text)?;
        if url.path() != "/" || url.query().is_some() || text.contains('#') {
            return Err("is not an origin: it has more than scheme, host and port".to_owned());
        }

        Ok(Self(url.origin().ascii_serialization()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Parses an `http` or `https` URL with a host and without user information. Refuses white space,
/// control characters and backslashes, which the parser of the URL standard would remove or
/// replace.
fn plain(text: &str) -> Result<Url, String> {
    let is_invalid =
        |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    if text.contains(is_invalid) {
        return Err("is not a URL".to_owned());
    }

    let url = Url::parse(text).map_err(|_| "is not a URL")?;

    let has_name = match url.host() {
        Some(Host::Domain(domain)) => !domain.is_empty() && !domain.ends_with('.'),
        Some(_) => true,
        None => false,
    };
    if !matches!(url.scheme(), "http" | "https")
        || !has_name
        || !text.contains("://")
        || url.port() == Some(0)
    {
        return Err("is not an http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err("has user information".to_owned());
    }

    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_normalized() {
        for (text, normal) in [
            ("https://api.example", "https://api.example"),
            ("https://api.example/", "https://api.example"),
            ("https://api.example//", "https://api.example"),
            ("HTTPS://API.Example:443/v1/", "https://api.example/v1"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:80/", "http://[::1]"),
            (
                "https://b\u{fc}cher.example",
                "https://xn--bcher-kva.example",
            ),
            ("https://api.example/a/../b", "https://api.example/b"),
        ] {
            assert_eq!(
                BaseUrl::parse(text).map(|url| url.0),
                Ok(normal.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for text in [
            "",
            "api.example",
            "/v1",
            "ftp://api.example",
            "https://",
            "https:api.example",
            "https://api.example?",
            "https://api.example?x",
            "https://api.example/#",
            "https://api.example#x",
            "https://a@api.example",
            "https://a:b@api.example",
            "https://@api.example",
            "https://api.example\n",
            " https://api.example",
            "https:\\\\api.example",
            "https://api.example:0",
            "https://api.example:65536",
            "https://api.example.",
            "https://api exa.mple",
            "javascript:alert(1)",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text:?}");
            assert!(WebOrigin::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_origin_has_the_form_that_browsers_use() {
        let origin = |text: &str| WebOrigin::parse(text).map(|origin| origin.0);
        assert_eq!(
            origin("https://App.Example:443"),
            Ok("https://app.example".to_owned())
        );
        assert_eq!(
            origin("https://app.example/"),
            Ok("https://app.example".to_owned())
        );
        assert_eq!(
            origin("http://localhost:3000"),
            Ok("http://localhost:3000".to_owned())
        );
        assert!(origin("https://app.example/page").is_err());
        assert!(origin("null").is_err());
    }
}
