//! The name and domain of the service for passkeys and authenticator apps.

use http::StatusCode;
use mainstay_config::{Reader, Setting as _, WebOrigin};
use mainstay_http::{Kind, Problem};
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{Url, WebauthnResult},
};

use super::challenge::ANSWERED_WITHIN;

/// Passkeys require a domain name, and the service has none.
pub(crate) const PASSKEYS_UNAVAILABLE: Kind = Kind::new(
    StatusCode::CONFLICT,
    "passkeys_unavailable",
    "This service does not support passkeys, because its public URL has no domain name.",
);

/// The service as passkeys and authenticator apps identify it.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Its name, as apps and devices show it.
    pub name: String,
    /// `None` if the public URL has an IP address in place of a domain name.
    webauthn: Option<Webauthn>,
}

impl RelyingParty {
    /// Reads the settings. `reader` collects the errors. `public_url` is the API's public URL.
    pub(crate) fn read(reader: &mut Reader, public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(domain).unwrap_or_default();
        let name = reader.or(
            "identity.service_name",
            if host.is_empty() { "Mainstay".to_owned() } else { host.clone() },
            "The service's name in authenticator apps and passkeys; by default, the host of the public URL.",
        );

        let domain = reader.or(
            "identity.passkey_domain",
            host,
            "The domain that passkeys belong to: the host of the public URL, or a parent domain. \
             Changing it invalidates all passkeys.",
        );

        let own: Vec<String> = url.as_ref().and_then(origin).into_iter().collect();
        let origins = reader.or(
            "identity.passkey_origins",
            own,
            "Origins whose pages may use passkeys, separated by commas; by default, the origin of the public URL.",
        );

        let webauthn = if domain.is_empty() {
            None
        } else {
            webauthn(reader, &name, &domain, &origins)
        };

        Self { name, webauthn }
    }

    /// The implementation of the protocol.
    ///
    /// # Errors
    /// [`PASSKEYS_UNAVAILABLE`].
    pub(super) fn webauthn(&self) -> Result<&Webauthn, Problem> {
        self.webauthn
            .as_ref()
            .ok_or_else(|| PASSKEYS_UNAVAILABLE.problem())
    }
}

fn webauthn(reader: &mut Reader, name: &str, domain: &str, origins: &[String]) -> Option<Webauthn> {
    let mut parsed = Vec::new();
    for text in origins {
        match WebOrigin::parse(text).map(|origin| Url::parse(origin.as_str())) {
            Ok(Ok(url)) if origin(&url).is_some() => parsed.push(url),
            _ => reader.refuse(
                "identity.passkey_origins",
                format!("{text} is not an origin such as https://app.example"),
            ),
        }
    }

    let (first, others) = parsed.split_first()?;
    match build(name, domain, first, others) {
        Ok(webauthn) => Some(webauthn),
        Err(_) => {
            reader.refuse(
                "identity.passkey_domain",
                format!("{domain} is not the host of {first} or a parent domain of it"),
            );
            None
        }
    }
}

fn build(name: &str, domain: &str, first: &Url, others: &[Url]) -> WebauthnResult<Webauthn> {
    let builder = WebauthnBuilder::new(domain, first)?
        .rp_name(name)
        .timeout(ANSWERED_WITHIN.unsigned_abs());

    others
        .iter()
        .fold(builder, |builder, origin| {
            builder.append_allowed_origin(origin)
        })
        .build()
}

/// The domain of a URL; `None` for an IP address, except that a loopback address stands for
/// `localhost`.
fn domain(url: &Url) -> Option<String> {
    match url.host_str()? {
        "127.0.0.1" | "[::1]" => Some("localhost".to_owned()),
        _ => url.domain().map(str::to_owned),
    }
}

/// The origin of a URL (RFC 6454), with `localhost` for a loopback address.
fn origin(url: &Url) -> Option<String> {
    let (host, port) = (
        domain(url)?,
        url.port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default(),
    );
    matches!(url.scheme(), "http" | "https").then(|| format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(url: &str, settings: &[(&'static str, &str)]) -> (RelyingParty, bool) {
        let settings = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut reader = Reader::new([]).with_layer("test", settings.collect::<Vec<_>>());
        let party = RelyingParty::read(&mut reader, url);
        let valid = reader.complete(Some(())).is_ok();

        (party, valid)
    }

    fn origins(party: &RelyingParty) -> Vec<String> {
        party
            .webauthn
            .iter()
            .flat_map(|it| it.get_allowed_origins())
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_defaults_come_from_the_public_url() {
        let (party, valid) = party("https://api.example/v1", &[]);
        assert!(valid);
        assert_eq!(
            (party.name.as_str(), origins(&party)),
            ("api.example", vec!["https://api.example/".to_owned()])
        );
    }

    #[test]
    fn passkeys_need_a_domain_name_or_a_loopback_address() {
        let (by_address, valid) = party("https://192.0.2.7", &[]);
        assert!(valid && by_address.webauthn().is_err());

        let (local, _) = party("http://127.0.0.1:8000", &[]);
        assert_eq!(origins(&local), ["http://localhost:8000/"]);
    }

    #[test]
    fn only_pages_of_a_domain_may_share_passkeys() {
        let pages = ("identity.passkey_origins", "https://app.shop.example");
        let (shared, valid) = party(
            "https://api.shop.example",
            &[("identity.passkey_domain", "shop.example"), pages],
        );

        assert!(valid);
        assert_eq!(origins(&shared), ["https://app.shop.example/"]);
        assert!(
            !party(
                "https://api.shop.example",
                &[("identity.passkey_domain", "other.example")]
            )
            .1
        );

        assert!(
            !party(
                "https://api.shop.example",
                &[("identity.passkey_origins", "app")]
            )
            .1
        );
    }
}
