//! The cache of unwrapped data keys.

use std::time::Duration;

use mainstay_crypto::DataKey;
use mainstay_kernel::{Clock, Timestamp, Uuid};
use moka::sync::Cache;

/// Maximum number of cached data keys, and how long they are cached.
const CAPACITY: u64 = 20_000;
const LIFETIME: Duration = Duration::from_secs(300);

/// A cache of unwrapped data keys by row, so that updating a row that was just read takes no extra
/// round trip.
///
/// Keys expire after their lifetime by the service's clock, whether they are used or not. Unused
/// keys are evicted by the machine's clock. Dropping the last reference wipes a key from memory.
pub(crate) struct KeptKeys {
    keys: Cache<Uuid, (Timestamp, DataKey)>,
    clock: Clock,
}

impl KeptKeys {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            keys: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(LIFETIME)
                .build(),
            clock,
        }
    }

    /// The key of a row, unless it has expired.
    pub(crate) fn get(&self, row: Uuid) -> Option<DataKey> {
        let (since, key) = self.keys.get(&row)?;
        // A negative age, after the clock was set back, fails the conversion and counts as expired.
        let age = Duration::try_from(self.clock.now().inner() - since.inner());
        if age.is_ok_and(|age| age < LIFETIME) {
            return Some(key);
        }

        self.forget(row);
        None
    }

    pub(crate) fn insert(&self, row: Uuid, key: DataKey) {
        self.keys.insert(row, (self.clock.now(), key));
    }

    pub(crate) fn forget(&self, row: Uuid) {
        self.keys.invalidate(&row);
    }
}

#[cfg(test)]
mod tests {
    use mainstay_crypto::KeyRing;
    use mainstay_kernel::Random;
    use time::Duration as Span;

    use super::*;

    fn kept() -> (KeptKeys, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH + Span::days(20_000));
        (KeptKeys::new(clock.clone()), clock)
    }

    fn key() -> DataKey {
        let random = Random::default();
        let ring = KeyRing::parse(&KeyRing::generate(&random)).unwrap();
        ring.new_data_key(&random, Uuid::nil(), Uuid::nil()).0
    }

    #[test]
    fn the_cache_does_not_exceed_its_capacity() {
        let (kept, _) = kept();
        let (key, rows) = (key(), 1..=u128::from(CAPACITY) + 5_000);
        for row in rows.clone() {
            kept.insert(Uuid::from_u128(row), key.clone());
        }

        kept.keys.run_pending_tasks();
        let found = rows
            .filter(|row| kept.get(Uuid::from_u128(*row)).is_some())
            .count();

        // Evicted keys are gone, and all others are returned.
        assert_eq!(u64::try_from(found).unwrap(), kept.keys.entry_count());
        assert!((1..=CAPACITY).contains(&kept.keys.entry_count()), "{found}");
    }

    #[test]
    fn a_key_is_returned_for_its_lifetime() {
        let (kept, clock) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());

        // Using a key does not extend its lifetime.
        for _ in 0..4 {
            clock.advance(Span::minutes(1));
            assert!(kept.get(row).is_some());
        }

        clock.advance(Span::minutes(1) - Span::microseconds(1));
        assert!(kept.get(row).is_some());

        clock.advance(Span::microseconds(1));
        assert!(kept.get(row).is_none());

        // The key is removed, not only withheld.
        kept.keys.run_pending_tasks();
        assert_eq!(kept.keys.entry_count(), 0);
        assert_eq!(
            kept.keys.policy().time_to_live(),
            Some(LIFETIME),
            "an unused key expires, too"
        );
    }

    #[test]
    fn setting_the_clock_back_does_not_extend_a_lifetime() {
        let (kept, clock) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());
        clock.advance(Span::seconds(-1));
        assert!(kept.get(row).is_none());
    }

    #[test]
    fn a_forgotten_key_is_not_returned() {
        let (kept, _) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());
        assert!(kept.get(row).is_some());
        kept.forget(row);
        assert!(kept.get(row).is_none());
    }
}
