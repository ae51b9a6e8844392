//! Addresses of hosts and networks.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use schemars::json_schema;

use super::text_form::text_form;

/// The address of a host such as `192.0.2.1` or `2001:db8::1`, or of a network such as
/// `192.0.2.0/24`: the type `inet` of Postgres. Bits of the host after the prefix are kept
/// (`192.0.2.1/24`).
///
/// It is written in the shortest form (RFC 5952), without the prefix of a single host. Zones of
/// IPv6 (`fe80::1%eth0`) are refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkAddress(IpNet);

impl NetworkAddress {
    /// Parses an address, with or without the length of a prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((_, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().ok().map(Self::from);
        };

        let has_one_spelling = prefix == "0" || !prefix.starts_with('0');
        text.parse().ok().filter(|_| has_one_spelling).map(Self)
    }

    /// The value as a type of the `ipnet` crate.
    pub fn inner(self) -> IpNet {
        self.0
    }

    /// Whether the network contains all addresses of `other`.
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl From<IpAddr> for NetworkAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.into())
    }
}

impl From<IpNet> for NetworkAddress {
    fn from(network: IpNet) -> Self {
        Self(network)
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

text_form! {
    impl NetworkAddress,
    named "NetworkAddress",
    expected "an IP address such as 192.0.2.1 or a network such as 2001:db8::/32",
    schema json_schema!({
        "type": "string",
        "format": "ip-network",
        "pattern": "^[.:0-9A-Fa-f]+(/[0-9]{1,3})?$",
        "maxLength": 49,
        "examples": ["192.0.2.0/24"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_round_trips_through_text() {
        for text in [
            "0.0.0.0",
            "0.0.0.0/0",
            "192.0.2.1/24",
            "255.255.255.255",
            "::",
            "::/0",
            "2001:db8::1",
            "2001:db8::1/32",
            "::ffff:192.0.2.1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
        ] {
            assert_eq!(
                NetworkAddress::parse(text)
                    .map(|it| it.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            NetworkAddress::parse("192.0.2.1/32"),
            NetworkAddress::parse("192.0.2.1")
        );
        assert_eq!(
            NetworkAddress::parse("2001:DB8:0::1"),
            NetworkAddress::parse("2001:db8::1")
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.01",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/",
            "192.0.2.0/024",
            "192.0.2.0/+4",
            "fe80::1%eth0",
            "192.0.2.0/24/8",
            " ::",
            "localhost",
        ] {
            assert_eq!(NetworkAddress::parse(wrong), None, "{wrong}");
        }
    }
}
