//! Refuses addresses from memory.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mainstay_kernel::Timestamp;
use time::Duration;

use super::keys::host_text;

/// Addresses that the database refuses for every account. Their further attempts are refused from
/// memory.
///
/// A refusal is cached for two seconds. Then the database is queried again, because another replica
/// may have taken back a successful attempt, which shortens the wait.
#[derive(Default)]
pub struct Flood(Mutex<HashMap<String, Refused>>);

struct Refused {
    until: Timestamp,
    cached_until: Timestamp,
    /// Number of refusals from memory that are not reported to the database yet.
    unreported: i64,
}

/// How long a refusal is cached.
const CACHED_FOR: Duration = Duration::seconds(2);

/// Maximum number of cached addresses.
const CAPACITY: usize = 10_000;

impl Flood {
    /// Returns the time until which this address is refused, if that is cached, and counts the
    /// refusal.
    pub fn refusal(&self, address: Option<IpAddr>, now: Timestamp) -> Option<Timestamp> {
        let mut addresses = self.lock();
        let refused = addresses.get_mut(&host_text(address))?;
        if now >= refused.cached_until {
            return None;
        }

        refused.unreported += 1;
        Some(refused.until)
    }

    /// Caches that the database refuses this address, and returns the number of unreported refusals
    /// from memory. `until` is `None` if the address itself was not refused.
    pub fn keep(&self, address: Option<IpAddr>, until: Option<Timestamp>, now: Timestamp) -> i64 {
        let mut addresses = self.lock();
        let host = host_text(address);
        let unreported = addresses
            .remove(&host)
            .map_or(0, |refused| refused.unreported);
        let Some(until) = until.filter(|until| *until > now) else {
            return unreported;
        };

        if addresses.len() >= CAPACITY {
            addresses.retain(|_, refused| refused.cached_until > now);
        }
        if addresses.len() < CAPACITY {
            let cached_until = until.min(now + CACHED_FOR);
            addresses.insert(
                host,
                Refused {
                    until,
                    cached_until,
                    unreported: 0,
                },
            );
        }

        unreported
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn address(last: u8) -> Option<IpAddr> {
        Some([203, 0, 113, last].into())
    }

    #[test]
    fn a_refusal_is_cached_briefly_and_only_for_its_address() {
        let flood = Flood::default();
        assert_eq!(flood.refusal(address(1), NOW), None);

        let until = NOW + Duration::seconds(30);
        assert_eq!(flood.keep(address(1), Some(until), NOW), 0);
        assert_eq!(
            flood.refusal(address(1), NOW + Duration::SECOND),
            Some(until)
        );
        assert_eq!(
            flood.refusal(address(1), NOW + Duration::SECOND),
            Some(until)
        );
        assert_eq!(flood.refusal(address(2), NOW + Duration::SECOND), None);
        assert_eq!(
            flood.refusal(address(1), NOW + CACHED_FOR),
            None,
            "the database is queried again"
        );
        assert_eq!(
            flood.keep(address(1), Some(until), NOW + CACHED_FOR),
            2,
            "the refusals from memory are reported"
        );
        assert_eq!(flood.keep(address(1), None, NOW + CACHED_FOR), 0);
        assert_eq!(
            flood.refusal(address(1), NOW + CACHED_FOR),
            None,
            "the address is no longer refused"
        );
    }

    #[test]
    fn a_refusal_ends_with_its_wait() {
        let flood = Flood::default();
        let until = NOW + Duration::SECOND;
        flood.keep(address(1), Some(until), NOW);
        assert_eq!(flood.refusal(address(1), NOW), Some(until));
        assert_eq!(flood.refusal(address(1), until), None);
    }

    #[test]
    fn the_number_of_cached_addresses_is_limited() {
        let flood = Flood::default();
        let host = |number: usize| Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        for number in 0..CAPACITY + 10 {
            flood.keep(host(number), Some(NOW + CACHED_FOR), NOW);
        }
        assert_eq!(flood.lock().len(), CAPACITY);

        let later = NOW + CACHED_FOR + CACHED_FOR;
        flood.keep(address(1), Some(later + CACHED_FOR), later);
        assert_eq!(flood.lock().len(), 1, "expired addresses are removed");
    }
}
