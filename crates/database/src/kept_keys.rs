//! The cache of unwrapped data keys.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use mainstay_crypto::DataKey;
use mainstay_kernel::{Clock, Timestamp, Uuid};
use quick_cache::sync::Cache;

/// Maximum number of cached data keys, and how long they are cached.
const CAPACITY: usize = 20_000;
const LIFETIME: Duration = Duration::from_secs(300);

/// How often expired keys are removed that were not asked for, in seconds, while the cache is in
/// use.
const SWEEP_INTERVAL: i64 = 30;

/// A cache of unwrapped data keys by row, so that updating a row that was just read takes no extra
/// round trip.
///
/// Keys expire after their lifetime by the service's clock, whether they are used or not. Dropping
/// the last reference wipes a key from memory.
pub(crate) struct KeptKeys {
    keys: Cache<Uuid, (Timestamp, DataKey)>,
    clock: Clock,
    /// When expired keys were last removed, in seconds since the epoch.
    swept: AtomicI64,
}

impl KeptKeys {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            keys: Cache::new(CAPACITY),
            swept: AtomicI64::new(clock.now().inner().unix_timestamp()),
            clock,
        }
    }

    /// The key of a row, unless it has expired.
    pub(crate) fn get(&self, row: Uuid) -> Option<DataKey> {
        let now = self.clock.now();
        self.sweep(now);

        let (since, key) = self.keys.get(&row)?;
        if is_current(since, now) {
            return Some(key);
        }

        self.forget(row);
        None
    }

    pub(crate) fn insert(&self, row: Uuid, key: DataKey) {
        let now = self.clock.now();
        self.sweep(now);
        self.keys.insert(row, (now, key));
    }

    pub(crate) fn forget(&self, row: Uuid) {
        self.keys.remove(&row);
    }

    /// Removes expired keys, if that was not done recently.
    fn sweep(&self, now: Timestamp) {
        let seconds = now.inner().unix_timestamp();
        let swept = self.swept.load(Ordering::Relaxed);
        let is_recent = (swept..swept.saturating_add(SWEEP_INTERVAL)).contains(&seconds);
        if is_recent || !self.claim_sweep(swept, seconds) {
            return;
        }

        self.keys.retain(|_, (since, _)| is_current(*since, now));
    }

    /// Whether this thread is the one that sweeps.
    fn claim_sweep(&self, swept: i64, now: i64) -> bool {
        self.swept
            .compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// Whether a key that is cached `since` then may still be used. A negative age, after the clock was
/// set back, fails the conversion and counts as expired.
fn is_current(since: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.inner() - since.inner()).is_ok_and(|age| age < LIFETIME)
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
        let (key, rows) = (key(), 1..=CAPACITY as u128 + 5_000);
        for row in rows.clone() {
            kept.insert(Uuid::from_u128(row), key.clone());
        }

        let found = rows
            .filter(|row| kept.get(Uuid::from_u128(*row)).is_some())
            .count();

        // Evicted keys are gone, and all others are returned.
        assert_eq!(found, kept.keys.len());
        assert!((1..=CAPACITY).contains(&found), "{found}");
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
        assert_eq!(kept.keys.len(), 0);
    }

    #[test]
    fn an_unused_key_is_removed_after_its_lifetime() {
        let (kept, clock) = kept();
        kept.insert(Uuid::from_u128(1), key());
        clock.advance(Span::minutes(4));
        kept.insert(Uuid::from_u128(2), key());
        assert_eq!(kept.keys.len(), 2);

        clock.advance(Span::minutes(1));
        assert!(kept.get(Uuid::from_u128(2)).is_some());
        assert_eq!(kept.keys.len(), 1);
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
