//! Guessing is slowed down: by account, by address and by network, with a wait that doubles, in the database and so for
//! all replicas at once.
//!
//! An attempt is counted before it is made (`admit_attempt` in the schema), so that a burst of a thousand gets through no
//! more often than the same thousand one by one; a success takes it back. The account is counted apart for each network
//! that it has signed in from: strangers who guess elsewhere slow themselves down and not the owner (OWASP ASVS 6.1.1,
//! 6.3.1; NIST SP 800-63B-4 §3.2.2).

use std::net::IpAddr;

use http::StatusCode;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use mainstay_crypto::{IndexLength, IndexPlace, KeyRing};
use mainstay_database::{Error, Unscoped, Value};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::Timestamp;

use crate::accounts::NOWHERE;

/// Too many attempts failed.
pub(crate) const TOO_MANY_ATTEMPTS: Kind =
    Kind::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts: wait, then try again.");

/// Failures that cost no wait: of one account from one side, of one address, of one network.
pub(crate) const FREE_OF_ACCOUNT: i32 = 5;
const FREE_OF_ADDRESS: i32 = 50;
const FREE_OF_NETWORK: i32 = 500;

/// What an attempt is counted under.
pub(crate) struct Counted {
    /// The account, for whoever comes from where it never signed in.
    pub(crate) account: Vec<u8>,
    /// The account, for whoever comes from this network.
    pub(crate) account_here: Vec<u8>,
    /// Address and network of the caller.
    pub(crate) networks: Vec<Vec<u8>>,
    /// The network as it is kept beside accounts that signed in from there.
    pub(crate) place: Vec<u8>,
}

/// An attempt that may be made. It stands as a failure until it is taken back.
pub(crate) struct Admitted {
    /// What a success clears: the account, under whatever it was counted.
    pub(crate) accounts: Vec<Vec<u8>>,
    pub(crate) networks: Vec<Vec<u8>>,
    pub(crate) place: Vec<u8>,
}

impl Counted {
    /// Under an account's key and the caller's address. `scope` names what is tried; `account` may be anything that names
    /// the account, as long as it is always the same.
    pub(crate) fn new(ring: &KeyRing, scope: &'static str, account: &[u8], address: Option<IpAddr>) -> Self {
        let network = address.map(|address| network(address).to_string()).unwrap_or_default();
        let address = address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        let account = hex(account);
        Self {
            account_here: key(ring, scope, &format!("{account} from {network}")),
            account: key(ring, scope, &account),
            networks: vec![key(ring, "address", &address), key(ring, "network", &network)],
            place: key(ring, "place", &network),
        }
    }

    /// The values of `admit_attempt` after the account's key: both keys of the networks, and what is free.
    pub(crate) fn limits() -> Value {
        vec![FREE_OF_ACCOUNT, FREE_OF_ADDRESS, FREE_OF_NETWORK].into()
    }

    /// The attempt, counted under `account_here` where the network is known to the account.
    pub(crate) fn admitted(self, is_known_here: bool) -> Admitted {
        let account = if is_known_here { self.account_here } else { self.account };
        Admitted { accounts: vec![account], networks: self.networks, place: self.place }
    }
}

/// Counts an attempt that no network excuses, such as a code of a second factor or a mail that somebody asks for.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`] when it is too early for another.
pub(crate) async fn admit(unscoped: &Unscoped, counted: Counted) -> Result<Admitted, Problem> {
    const ADMIT: &str = "SELECT admit_attempt(ARRAY[$1::bytea] || $2::bytea[], $3, $4)";
    let now = unscoped.database().runtime().clock.now();
    let values =
        [counted.account.clone().into(), counted.networks.clone().into(), Counted::limits(), now.inner().into()];
    let rows = unscoped.upkeep("throttles.admit", ADMIT, values).await?;
    let blocked = rows.first().map(|row| row.get::<Option<Timestamp>>(0)).transpose()?.flatten();
    blocked.map_or_else(|| Ok(counted.admitted(false)), |until| Err(wait_until(until, now)))
}

/// Counts something that is no guess but may not happen without end, such as mail to strangers: under each of `counted`,
/// which names a scope, what is counted in it, and how often a day costs no wait.
///
/// # Errors
/// [`TOO_MANY_ATTEMPTS`] when it is too early for another.
pub(crate) async fn admit_each(unscoped: &Unscoped, counted: &[(&'static str, &[u8], i32)]) -> Result<(), Problem> {
    const ADMIT: &str = "SELECT admit_attempt($1, $2, $3)";
    let (ring, now) = (unscoped.database().ring(), unscoped.database().runtime().clock.now());
    let keys: Vec<_> = counted.iter().map(|(scope, value, _)| key(ring, scope, &hex(value))).collect();
    let free: Vec<_> = counted.iter().map(|(_, _, free)| *free).collect();
    let rows = unscoped.upkeep("throttles.admit_each", ADMIT, [keys.into(), free.into(), now.inner().into()]).await?;
    let blocked = rows.first().map(|row| row.get::<Option<Timestamp>>(0)).transpose()?.flatten();
    blocked.map_or(Ok(()), |until| Err(wait_until(until, now)))
}

/// Takes an attempt back that succeeded.
///
/// # Errors
/// As the database answers.
pub(crate) async fn take_back(unscoped: &Unscoped, attempt: Admitted) -> Result<(), Error> {
    const TAKE_BACK: &str = "WITH cleared AS (DELETE FROM throttles WHERE key = ANY ($1)) \
         UPDATE throttles SET failures = greatest(failures - 1, 0) WHERE key = ANY ($2)";
    unscoped
        .upkeep("throttles.take_back", TAKE_BACK, [attempt.accounts.into(), attempt.networks.into()])
        .await
        .map(drop)
}

/// The refusal that tells how long to wait.
pub(crate) fn wait_until(until: Timestamp, now: Timestamp) -> Problem {
    let wait = (until.inner() - now.inner()).try_into().unwrap_or(std::time::Duration::from_secs(1));
    TOO_MANY_ATTEMPTS.problem().retry_after(wait)
}

/// The network of an address: what a provider gives to one customer, about (/24 of IPv4, /48 of IPv6).
fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A keyed hash: whoever reads the table learns neither addresses nor accounts.
fn key(ring: &KeyRing, scope: &'static str, value: &str) -> Vec<u8> {
    let place = IndexPlace { organization: NOWHERE, table: "throttles", column: scope, length: IndexLength::Unique };
    ring.blind_index(&place, value).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network() {
        let same = |one: &str, other: &str| network(one.parse().unwrap()) == network(other.parse().unwrap());
        assert!(same("203.0.113.7", "203.0.113.250"));
        assert!(!same("203.0.113.7", "203.0.114.7"));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:ffff::9"));
        assert!(!same("2001:db8:1::1", "2001:db8:2::1"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.9"));
    }
}
