//! Limits on the number of connections, in total and per address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{Beyond, Limits};

/// The connection slots of one port.
pub(super) struct Slots {
    /// `None` if connections never wait.
    free: Option<Arc<Semaphore>>,
    counts: Arc<Counts>,
    per_address: usize,
    exempt: Vec<IpNet>,
}

#[derive(Default)]
struct Counts(Mutex<HashMap<IpAddr, usize>>);

/// The slot of one connection. Dropping it frees the slot.
pub(super) struct Slot {
    _free: Option<OwnedSemaphorePermit>,
    counted: Option<(Arc<Counts>, IpAddr)>,
}

impl Slots {
    /// Creates the slots. The addresses in `exempt` are not counted: they are proxies that serve
    /// many clients.
    pub(super) fn new(limits: &Limits, exempt: &[IpNet]) -> Self {
        let (free, per_address) = match limits.beyond {
            Beyond::Waits { per_address } => (
                Some(Arc::new(Semaphore::new(limits.connections))),
                per_address,
            ),
            Beyond::ReplacesOldest => (None, usize::MAX),
        };

        Self {
            free,
            counts: Arc::default(),
            per_address,
            exempt: exempt.to_vec(),
        }
    }

    /// Waits for a free slot.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone()?.acquire_owned().await.ok()
    }

    /// Takes a slot for an address; `None` if the address has reached its limit.
    pub(super) fn take(&self, free: Option<OwnedSemaphorePermit>, address: IpAddr) -> Option<Slot> {
        if self.per_address == usize::MAX || self.is_exempt(address) {
            return Some(Slot {
                _free: free,
                counted: None,
            });
        }

        let address = counted(address);
        let admitted = self.counts.add(address, self.per_address);

        admitted.then(|| Slot {
            _free: free,
            counted: Some((self.counts.clone(), address)),
        })
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.exempt.iter().any(|network| network.contains(&address))
    }
}

impl Counts {
    fn add(&self, address: IpAddr, most: usize) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&address).copied().unwrap_or_default();
        if count >= most {
            return false;
        }

        counts.insert(address, count + 1);
        true
    }

    fn remove(&self, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// The unit in which connections are counted: an IPv4 address (mapped or not), or the /64 network
/// of an IPv6 host.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some((counts, address)) = self.counted.take() {
            counts.remove(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slots(per_address: usize) -> Slots {
        let second = Duration::from_secs(1);
        let limits = Limits {
            port: "api",
            connections: 100,
            beyond: Beyond::Waits { per_address },
            header_timeout: second,
            write_timeout: second,
            drain: second,
        };
        Slots::new(&limits, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn an_address_has_a_limited_number_of_slots_and_gets_them_back() {
        let slots = slots(2);
        let take = |address: &str| slots.take(None, address.parse().unwrap());
        let (first, _second) = (
            take("192.0.2.1").unwrap(),
            take("::ffff:192.0.2.1").unwrap(),
        );
        assert!(take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());

        drop(first);
        assert!(take("192.0.2.1").is_some());
    }

    #[test]
    fn an_ipv6_host_counts_by_its_64_network_and_a_trusted_proxy_does_not_count() {
        let slots = slots(1);
        let take = |address: &str| slots.take(None, address.parse().unwrap());
        let _first = take("2001:db8:0:1::1").unwrap();
        assert!(take("2001:db8:0:1:ffff::2").is_none());
        assert!(take("2001:db8:0:2::1").is_some());

        let proxies: Vec<_> = ["10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"]
            .into_iter()
            .map(take)
            .collect();
        assert!(proxies.iter().all(Option::is_some));
    }
}
