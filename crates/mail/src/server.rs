//! The mail server: where it is and how it is reached.

use std::{fmt, time::Duration};

use lettre::transport::smtp::client::TlsParameters;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use percent_encoding::percent_decode_str;

/// A mail server that is reached over TLS.
#[derive(Clone)]
pub struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) credentials: Option<(String, SecretString)>,
    pub(crate) parameters: TlsParameters,
    pub(crate) timeout: Duration,
}

/// How TLS starts. Nothing is sent without TLS (OWASP ASVS 12.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// With the connection (RFC 8314 §3.3).
    Implicit,
    /// With `STARTTLS`, before any other command (RFC 3207).
    StartTls,
}

/// The value of `mail.smtp_url`.
pub(crate) struct Url {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) credentials: Option<(String, SecretString)>,
}

impl Url {
    /// Parses `smtps://user:password@host:465` or `smtp://user:password@host:587`.
    ///
    /// # Errors
    /// A message that does not quote the URL.
    pub(crate) fn parse(url: &SecretString) -> Result<Self, &'static str> {
        const SHAPE: &str =
            "is not a URL such as smtps://user:password@host:465 or smtp://user:password@host:587";

        let url = url.expose_secret();
        let (tls, default_port, rest) =
            match (url.strip_prefix("smtps://"), url.strip_prefix("smtp://")) {
                (Some(rest), _) => (Tls::Implicit, 465, rest),
                (_, Some(rest)) => (Tls::StartTls, 587, rest),
                _ => return Err(SHAPE),
            };

        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err("has a path or a query; percent-encode such characters in a password");
        }

        let (user_info, authority) = match rest.rsplit_once('@') {
            Some((user_info, authority)) => (Some(user_info), authority),
            None => (None, rest),
        };
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
        let port = if port.is_empty() {
            default_port
        } else {
            port.parse().map_err(|_| SHAPE)?
        };

        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-');
        if host.is_empty() || !host.chars().all(is_allowed) || port == 0 {
            return Err(SHAPE);
        }

        let credentials = match user_info {
            None => None,
            Some(user_info) => {
                let (user, password) = user_info
                    .split_once(':')
                    .ok_or("has a user without a password")?;
                let decoded = |text| percent_decode_str(text).decode_utf8().map_err(|_| SHAPE);
                let password = decoded(password)?.into_owned();
                Some((decoded(user)?.into_owned(), SecretString::from(password)))
            }
        };

        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
            credentials,
        })
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Url, &'static str> {
        Url::parse(&SecretString::from(url))
    }

    #[test]
    fn a_url_has_a_host_a_port_and_credentials() {
        let url = parse("smtps://us%40er:p%2Fw:%3F@mail.example:4650")
            .unwrap_or_else(|why| panic!("{why}"));
        let (user, password) = url.credentials.expect("they are there");

        assert_eq!(
            (url.host.as_str(), url.port, url.tls),
            ("mail.example", 4650, Tls::Implicit)
        );
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("us@er", "p/w:?")
        );

        let url = parse("smtp://mail.example").unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(
            (url.port, url.tls, url.credentials.is_none()),
            (587, Tls::StartTls, true)
        );
    }

    #[test]
    fn malformed_urls_are_refused_without_being_quoted() {
        for url in [
            "",
            "mail.example",
            "http://canary@mail.example",
            "smtps://",
            "smtps://user:canary@",
            "smtps://user:canary@mail.example:0",
            "smtps://user:canary@mail.example:port",
            "smtps://canary@mail.example",
            "smtps://user:canary@mail.example/inbox",
            "smtps://user:canary@mail.example?tls=none",
            "smtps://user:can/ary@mail.example",
            "smtps://user:canary@mail example",
            "smtps://user:canary@mail.example\r\nQUIT",
            "SMTPS://user:canary@mail.example",
        ] {
            let why = parse(url).err().unwrap_or_else(|| panic!("{url} is taken"));
            assert!(!why.contains("canary"), "{why}");
        }
    }
}
