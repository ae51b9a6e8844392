//! What passkeys and authenticator apps know the service by.

use http::StatusCode;
use mainstay_config::{Reader, Setting as _, WebOrigin};
use mainstay_http::{Kind, Problem};
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{Url, WebauthnResult},
};

use super::challenge::ANSWERED_WITHIN;

/// Passkeys belong to a domain, and the service has none.
pub(crate) const PASSKEYS_UNAVAILABLE: Kind = Kind::new(
    StatusCode::CONFLICT,
    "passkeys_unavailable",
    "This service has no passkeys: they need a public URL with a domain name.",
);

/// What passkeys and authenticator apps know the service by.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Its name, as apps and devices show it.
    pub name: String,
    /// None where the service is known by an address without a name, to which no passkey can belong.
    webauthn: Option<Webauthn>,
}

impl RelyingParty {
    /// Reads the settings; what is wrong is remembered by `reader`. `public_url` is the URL that clients know the API by.
    pub(crate) fn read(reader: &mut Reader, public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(domain).unwrap_or_default();
        let name = reader.or(
            "identity.service_name",
            if host.is_empty() { "Mainstay".to_owned() } else { host.clone() },
            "What authenticator apps and passkeys call the service; the host of the public URL unless told.",
        );

        let domain = reader.or(
            "identity.passkey_domain",
            host,
            "The domain that passkeys belong to: the host of the public URL, or a domain above it. Changing it makes all \
             passkeys worthless.",
        );

        let own: Vec<String> = url.as_ref().and_then(origin).into_iter().collect();
        let origins = reader.or(
            "identity.passkey_origins",
            own,
            "Origins whose pages may ask for passkeys, separated by commas; that of the public URL unless told.",
        );

        let webauthn = if domain.is_empty() {
            None
        } else {
            webauthn(reader, &name, &domain, &origins)
        };

        Self { name, webauthn }
    }

    /// What speaks the protocol.
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
                format!("{domain} is not the host of {first} or a domain above it"),
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

/// The domain of a URL. Passkeys belong to no address; in development the machine itself goes by its name.
fn domain(url: &Url) -> Option<String> {
    match url.host_str()? {
        "127.0.0.1" | "[::1]" => Some("localhost".to_owned()),
        _ => url.domain().map(str::to_owned),
    }
}

/// The origin of a URL (RFC 6454), the machine itself by its name.
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
        let right = reader.complete(Some(())).is_ok();
        (party, right)
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
    fn the_public_url_says_it_all() {
        let (party, right) = party("https://api.example/v1", &[]);
        assert!(right);
        assert_eq!(
            (party.name.as_str(), origins(&party)),
            ("api.example", vec!["https://api.example/".to_owned()])
        );
    }

    #[test]
    fn an_address_has_no_passkeys_but_the_machine_itself_has() {
        let (party_of_an_address, right) = party("https://192.0.2.7", &[]);
        assert!(right && party_of_an_address.webauthn().is_err());
        let (local, _) = party("http://127.0.0.1:8000", &[]);
        assert_eq!(origins(&local), ["http://localhost:8000/"]);
    }

    #[test]
    fn pages_of_a_domain_may_share_passkeys_and_no_others() {
        let pages = ("identity.passkey_origins", "https://app.shop.example");
        let (shared, right) = party(
            "https://api.shop.example",
            &[("identity.passkey_domain", "shop.example"), pages],
        );

        assert!(right);
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
