//! The keys of counters: keyed hashes of accounts, addresses and networks, so that the table
//! reveals none of them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use mainstay_crypto::{IndexLength, IndexPlace, KeyRing};

use crate::account::key::NOWHERE;

/// The groups of keys, in the order in which a statement locks them. A key starts with the byte of
/// its group.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    /// Requests from an address or a network.
    Requests = 0,
    /// One account from one network.
    Here = 1,
    /// One account from everywhere; failures from an address or a network.
    Anywhere = 2,
}

/// The keys of the counters of an attempt.
pub struct AttemptKeys {
    /// The subject, from the caller's network.
    pub here: Vec<u8>,
    /// The subject, from everywhere.
    pub anywhere: Vec<u8>,
    /// The caller's address and network, for failures.
    pub networks: [Vec<u8>; 2],
    /// The caller's address and network, for the number of failures that are verified.
    pub volume: [Vec<u8>; 2],
    /// The network, as stored in `sign_in_places`.
    pub network: Vec<u8>,
}

impl AttemptKeys {
    /// Computes the keys. `scope` names the kind of attempt, `subject` identifies the account.
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

/// The network of an address, as stored in `sign_in_places`.
pub(crate) fn network_hash(ring: &KeyRing, address: Option<IpAddr>) -> Vec<u8> {
    hash(ring, "place", &network_text(address))
}

/// The key of a subject in a scope.
pub(crate) fn key(ring: &KeyRing, group: Group, scope: &'static str, subject: &str) -> Vec<u8> {
    let mut key = vec![group as u8];
    key.extend(hash(ring, scope, subject));
    key
}

/// The keys of an address and of its network. The empty scope counts all failures together.
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

/// The address range of one host: an IPv4 address, or an IPv6 /64.
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

/// The network of an address: an IPv4 /24 or an IPv6 /48, which is about what a provider assigns to
/// one customer.
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

    /// A host can change the lower half of its IPv6 address at any time (RFC 8981).
    #[test]
    fn a_host_is_one_ipv4_address_or_an_ipv6_64() {
        let same = |one: &str, other: &str| {
            host_text(Some(one.parse().unwrap())) == host_text(Some(other.parse().unwrap()))
        };
        assert!(!same("203.0.113.7", "203.0.113.8"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.7"));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:a:b:c:d"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    }
}
