//! Limits on the number of connections, in total and per address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Beyond, Limits, counted};

/// The connection slots of one port.
pub(super) struct Places {
    /// `None` if connections never wait.
    free: Option<Arc<Semaphore>>,
    taken: Arc<Taken>,
    per_address: usize,
    exempt: Vec<IpNet>,
}

#[derive(Default)]
struct Taken(Mutex<HashMap<IpAddr, usize>>);

/// The slot of one connection. Dropping it frees the slot.
pub(super) struct Place {
    _free: Option<OwnedSemaphorePermit>,
    counted: Option<(Arc<Taken>, IpAddr)>,
}

impl Places {
    /// Creates the slots. The addresses in `exempt` are not counted: they are proxies that serve many clients.
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
            taken: Arc::default(),
            per_address,
            exempt: exempt.to_vec(),
        }
    }

    /// Waits for a free slot.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone()?.acquire_owned().await.ok()
    }

    /// Takes a slot for an address; `None` if the address has reached its limit.
    pub(super) fn take(
        &self,
        free: Option<OwnedSemaphorePermit>,
        address: IpAddr,
    ) -> Option<Place> {
        if self.per_address == usize::MAX || self.is_exempt(address) {
            return Some(Place {
                _free: free,
                counted: None,
            });
        }

        let address = counted(address);
        let admitted = self.taken.add(address, self.per_address);

        admitted.then(|| Place {
            _free: free,
            counted: Some((self.taken.clone(), address)),
        })
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.exempt.iter().any(|network| network.contains(&address))
    }
}

impl Taken {
    fn add(&self, address: IpAddr, most: usize) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&address).copied().unwrap_or_default();
        if count >= most {
            return false;
        }

        taken.insert(address, count + 1);
        true
    }

    fn remove(&self, address: IpAddr) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&address);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((taken, address)) = self.counted.take() {
            taken.remove(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn places(per_address: usize) -> Places {
        let second = Duration::from_secs(1);
        let limits = Limits {
            port: "api",
            connections: 100,
            beyond: Beyond::Waits { per_address },
            header_timeout: second,
            write_timeout: second,
            drain: second,
        };
        Places::new(&limits, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn an_address_has_a_limited_number_of_slots_and_gets_them_back() {
        let places = places(2);
        let take = |address: &str| places.take(None, address.parse().unwrap());
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
        let places = places(1);
        let take = |address: &str| places.take(None, address.parse().unwrap());
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
