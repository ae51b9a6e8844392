//! What is counted: keyed hashes of accounts, addresses and networks, so that the table reveals none of them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use mainstay_crypto::{IndexLength, IndexPlace, KeyRing};

use crate::account::key::NOWHERE;

/// The groups of keys, in the order in which a statement locks them. A key starts with the byte of its group.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    /// Requests from an address or a network.
    Requests = 0,
    /// One account from one network.
    Here = 1,
    /// One account from everywhere; failures from an address or a network.
    Anywhere = 2,
}

/// Under which keys an attempt is counted.
pub struct AttemptKeys {
    /// The subject, from the caller's network.
    pub here: Vec<u8>,
    /// The subject, from everywhere.
    pub anywhere: Vec<u8>,
    /// The caller's address and network, for failures.
    pub networks: [Vec<u8>; 2],
    /// The caller's address and network, for the number of failures that may be looked at.
    pub volume: [Vec<u8>; 2],
    /// The network as `sign_in_places` keeps it beside accounts that signed in from there.
    pub network: Vec<u8>,
}

impl AttemptKeys {
    /// `scope` names what is tried; `subject` is what names the account, always in the same form.
    pub fn new(
        ring: &KeyRing,
        scope: &'static str,
        subject: &[u8],
        address: Option<IpAddr>,
    ) -> Self {
        let subject = hex::encode(subject);
        let from = network_text(address);
        Self {
            here: key(ring, Group::Here, scope, &format!("{subject} from {from}")),
            anywhere: key(ring, Group::Anywhere, scope, &subject),
            networks: networks(ring, Group::Anywhere, "", address),
            volume: networks(ring, Group::Requests, scope, address),
            network: network_hash(ring, address),
        }
    }
}

/// The network of an address, as `sign_in_places` keeps it.
pub(crate) fn network_hash(ring: &KeyRing, address: Option<IpAddr>) -> Vec<u8> {
    hash(ring, "place", &network_text(address))
}

/// A key of a subject under a scope.
pub(crate) fn key(ring: &KeyRing, group: Group, scope: &'static str, subject: &str) -> Vec<u8> {
    let mut key = vec![group as u8];
    key.extend(hash(ring, scope, subject));
    key
}

/// The keys of an address and of its network. An empty scope is that of all failures together.
pub(crate) fn networks(
    ring: &KeyRing,
    group: Group,
    scope: &'static str,
    address: Option<IpAddr>,
) -> [Vec<u8>; 2] {
    let [host, network] = [host_text(address), network_text(address)];
    [
        key(ring, group, "address", &format!("{scope}{host}")),
        key(ring, group, "network", &format!("{scope}{network}")),
    ]
}

/// What one host has: an address of IPv4, a /64 of IPv6.
pub(crate) fn host_text(address: Option<IpAddr>) -> String {
    let host = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).trunc().to_string(),
    };
    address.map(host).unwrap_or_default()
}

fn network_text(address: Option<IpAddr>) -> String {
    address
        .map(|address| network(address).to_string())
        .unwrap_or_default()
}

/// The network of an address: what a provider gives to one customer, about (/24 of IPv4, /48 of IPv6).
fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
    }
}

fn hash(ring: &KeyRing, scope: &'static str, value: &str) -> Vec<u8> {
    let place = IndexPlace {
        organization: NOWHERE,
        table: "mainstay.throttles",
        column: scope,
        length: IndexLength::Unique,
    };
    ring.blind_index(&place, value).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("203.0.113.7", "203.0.113.250"));
        assert!(!same("203.0.113.7", "203.0.114.7"));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:ffff::9"));
        assert!(!same("2001:db8:1::1", "2001:db8:2::1"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.9"));
    }

    /// A host changes the lower half of its IPv6 address at will (RFC 8981).
    #[test]
    fn a_host_is_one_address_of_ipv4_and_a_64_of_ipv6() {
        let same = |one: &str, other: &str| {
            host_text(Some(one.parse().unwrap())) == host_text(Some(other.parse().unwrap()))
        };
        assert!(!same("203.0.113.7", "203.0.113.8"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.7"));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:a:b:c:d"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    }
}
