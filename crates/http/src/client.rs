//! The client's address: the connection's peer, or the address that trusted proxies forward.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies forward the client's address.
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
            _ => Err("is not x-forwarded-for or forwarded".to_owned()),
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

/// The trusted proxies, and the header that they set.
pub(crate) struct Proxies<'a> {
    pub(crate) trusted: &'a [IpNet],
    pub(crate) header: ForwardedBy,
}

impl Proxies<'_> {
    /// Returns the client's address in canonical form: the peer's, or, if the peer is a trusted
    /// proxy, the rightmost hop that is not a trusted proxy. Hops that the client wrote itself are
    /// further left and are ignored (OWASP ASVS 4.1.3, 15.3.4). A hop that is not an address ends
    /// the search: the proxy that wrote it counts as the client.
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

    /// The hops in order, from all lines of the header; `None` for one that is not an address.
    /// Invalid UTF-8 in one hop does not affect the others.
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

/// Warns, at most once a minute, that an untrusted peer sent the forwarding header: either a client
/// that tries to spoof its address, or a proxy that is missing from the settings. Behind such a
/// proxy all clients share one address, and one of them that guesses passwords gets all of them
/// throttled.
fn warn_of_untrusted(peer: IpAddr) {
    static WARNED: Mutex<Option<Instant>> = Mutex::new(None);
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.is_none_or(|when| when.elapsed() >= Duration::from_secs(60)) {
        *warned = Some(Instant::now());
        tracing::warn!(
            %peer,
            "ignored forwarding header of a peer that is not in MAINSTAY_HTTP_TRUSTED_PROXIES"
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

/// An address as proxies write it: `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:4711`.
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
    fn invalid_utf8_in_one_hop_does_not_affect_the_others() {
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
    fn ports_and_brackets_are_not_part_of_an_address() {
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
    fn an_ipv4_mapped_peer_counts_as_its_ipv4_address() {
        assert_eq!(seen("::ffff:203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn forwarded_is_parsed_as_in_rfc_7239() {
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
