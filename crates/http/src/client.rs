//! Where a request comes from: the peer of the connection, or what trusted proxies say of it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies say whom they serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, which most proxies append to.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl mainstay_config::Setting for ForwardedBy {
    const KIND: &'static str = "x-forwarded-for or forwarded";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("is not a header that says where a request comes from".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
        .to_owned()
    }
}

/// Whose word is believed about where a request comes from.
pub(crate) struct Proxies<'a> {
    pub(crate) trusted: &'a [IpNet],
    pub(crate) header: ForwardedBy,
}

impl Proxies<'_> {
    /// The client's address, in canonical form: the peer's, unless the peer is a trusted proxy; then, from the right, the
    /// first hop that is none. What a client writes there itself stands further left and is never believed (OWASP ASVS
    /// 4.1.3, 15.3.4). A hop that is no address ends the search, and only there: the proxy that wrote it is the client.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            if headers.contains_key(self.name()) {
                warn_of_untrusted(peer);
            }
            return peer;
        }

        let mut client = peer;
        for hop in self.hops(headers).iter().rev() {
            let Some(address) = hop else { break };
            client = *address;
            if !self.trusts(client) {
                break;
            }
        }

        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    fn name(&self) -> &'static str {
        match self.header {
            ForwardedBy::XForwardedFor => "x-forwarded-for",
            ForwardedBy::Forwarded => "forwarded",
        }
    }

    /// The hops in order, over all lines of the header; `None` for one that names no address. Bytes that are no text
    /// spoil their own hop alone.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let lines = headers
            .get_all(self.name())
            .iter()
            .map(|value| value.as_bytes());

        match self.header {
            ForwardedBy::XForwardedFor => lines
                .flat_map(|line| line.split(|byte| *byte == b','))
                .map(address)
                .collect(),
            ForwardedBy::Forwarded => lines
                .flat_map(|line| split(line, b','))
                .map(forwarded_for)
                .collect(),
        }
    }
}

/// Says, at most once a minute, that a peer which is no trusted proxy says whom it serves: a client that tries its luck, or
/// a proxy that the settings forget. Behind a forgotten one all clients have its address, and one of them who guesses
/// passwords gets all of them refused.
fn warn_of_untrusted(peer: IpAddr) {
    static WARNED: Mutex<Option<Instant>> = Mutex::new(None);
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.is_none_or(|when| when.elapsed() >= Duration::from_secs(60)) {
        *warned = Some(Instant::now());
        tracing::warn!(
            %peer,
            "a peer that is not in MAINSTAY_HTTP_TRUSTED_PROXIES names a client; its own address is used"
        );
    }
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    split(element, b';').into_iter().find_map(|pair| {
        let (name, value) = str::from_utf8(pair).ok()?.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| address(value.trim().trim_matches('"').as_bytes()))
    })?
}

/// Splits at a separator outside quoted strings.
fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut quoted = false;
    text.split(|byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == separator
    })
    .collect()
}

/// An address as proxies write it: `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:4711`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = unbracketed
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen_by(header: ForwardedBy, peer: &str, lines: &[&[u8]]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let proxies = Proxies {
            trusted: &trusted,
            header,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(proxies.name(), HeaderValue::from_bytes(line).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    fn seen(peer: &str, line: &str) -> String {
        seen_by(ForwardedBy::XForwardedFor, peer, &[line.as_bytes()])
    }

    #[test]
    fn a_client_cannot_name_its_own_address() {
        assert_eq!(seen("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(
            seen("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2"),
            "203.0.113.9"
        );
        assert_eq!(seen("10.0.0.1", "not an address"), "10.0.0.1");
        assert_eq!(
            seen("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2"),
            "10.0.0.2"
        );
    }

    #[test]
    fn bytes_of_a_client_spoil_no_hop_but_their_own() {
        let line = b"\xc3\xa9, \xff, 203.0.113.99";
        assert_eq!(
            seen_by(ForwardedBy::XForwardedFor, "10.0.0.1", &[line]),
            "203.0.113.99"
        );
        let lines: [&[u8]; 2] = [b"\xff", b"203.0.113.99"];
        assert_eq!(
            seen_by(ForwardedBy::XForwardedFor, "10.0.0.1", &lines),
            "203.0.113.99"
        );
    }

    #[test]
    fn ports_and_brackets_are_no_part_of_an_address() {
        for (hop, address) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ] {
            assert_eq!(seen("10.0.0.1", hop), address, "{hop}");
        }
    }

    #[test]
    fn a_peer_on_a_dual_stack_listener_is_the_address_that_it_maps() {
        assert_eq!(seen("::ffff:203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn forwarded_is_read_by_its_rfc() {
        let seen = |line: &str| seen_by(ForwardedBy::Forwarded, "10.0.0.1", &[line.as_bytes()]);
        assert_eq!(
            seen("for=192.0.2.60;proto=http;by=203.0.113.43"),
            "192.0.2.60"
        );
        assert_eq!(
            seen("For=\"[2001:db8:cafe::17]:4711\""),
            "2001:db8:cafe::17"
        );
        assert_eq!(
            seen("for=198.51.100.1, for=192.0.2.43, for=10.0.0.2"),
            "192.0.2.43"
        );
        assert_eq!(
            seen("for=192.0.2.43;host=\"a,for=198.51.100.1\""),
            "192.0.2.43"
        );
        assert_eq!(seen("for=_hidden, for=10.0.0.7"), "10.0.0.7");
        assert_eq!(seen("by=203.0.113.43"), "10.0.0.1");
    }
}
