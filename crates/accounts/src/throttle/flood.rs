//! Addresses that are refused from memory.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mainstay_kernel::Timestamp;
use time::Duration;

use super::keys::host_text;

/// Addresses that the database refuses whichever account they try: what they go on sending is refused from memory.
///
/// A refusal is believed for two seconds, then the database is asked again: another replica may have taken back an attempt
/// that succeeded, so that there is room before the wait has ended.
#[derive(Default)]
pub struct Flood(Mutex<HashMap<String, Refused>>);

struct Refused {
    until: Timestamp,
    believed_until: Timestamp,
    /// Refusals from memory that the database has not been told of.
    untold: i64,
}

/// How long the database's word is believed.
const BELIEVED: Duration = Duration::seconds(2);

/// Addresses at once; beyond that the database is asked.
const MOST: usize = 10_000;

impl Flood {
    /// Until when this address is refused, if that is known. It is counted.
    pub fn refusal(&self, address: Option<IpAddr>, now: Timestamp) -> Option<Timestamp> {
        let mut addresses = self.lock();
        let refused = addresses.get_mut(&host_text(address))?;
        if now >= refused.believed_until {
            return None;
        }

        refused.untold += 1;
        Some(refused.until)
    }

    /// Keeps the database's word that this address is refused until a moment, and gives the number of refusals that it has
    /// not been told of. Where the address itself was not refused there is no such moment.
    pub fn keep(&self, address: Option<IpAddr>, until: Option<Timestamp>, now: Timestamp) -> i64 {
        let mut addresses = self.lock();
        let host = host_text(address);
        let untold = addresses.remove(&host).map_or(0, |refused| refused.untold);
        let Some(until) = until.filter(|until| *until > now) else {
            return untold;
        };

        if addresses.len() >= MOST {
            addresses.retain(|_, refused| refused.believed_until > now);
        }

        if addresses.len() < MOST {
            let believed_until = until.min(now + BELIEVED);
            addresses.insert(
                host,
                Refused {
                    until,
                    believed_until,
                    untold: 0,
                },
            );
        }

        untold
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
    fn a_refusal_is_believed_for_a_moment_of_that_address_alone() {
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
            flood.refusal(address(1), NOW + BELIEVED),
            None,
            "the database is asked again"
        );
        assert_eq!(
            flood.keep(address(1), Some(until), NOW + BELIEVED),
            2,
            "and told of what came meanwhile"
        );
        assert_eq!(flood.keep(address(1), None, NOW + BELIEVED), 0);
        assert_eq!(
            flood.refusal(address(1), NOW + BELIEVED),
            None,
            "it is not refused any more"
        );
    }

    /// A wait that ends sooner is not drawn out.
    #[test]
    fn a_refusal_ends_with_its_wait() {
        let flood = Flood::default();
        let until = NOW + Duration::SECOND;
        flood.keep(address(1), Some(until), NOW);
        assert_eq!(flood.refusal(address(1), NOW), Some(until));
        assert_eq!(flood.refusal(address(1), until), None);
    }

    #[test]
    fn no_more_addresses_are_kept_than_there_is_room_for() {
        let flood = Flood::default();
        let host = |number: usize| Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        for number in 0..MOST + 10 {
            flood.keep(host(number), Some(NOW + BELIEVED), NOW);
        }
        assert_eq!(flood.lock().len(), MOST);

        let later = NOW + BELIEVED + BELIEVED;
        flood.keep(address(1), Some(later + BELIEVED), later);
        assert_eq!(flood.lock().len(), 1, "those whose time is over make room");
    }
}
